//! Man pages and shell completion, made from the definitions of the command lines, so that they
//! cannot say anything else than the programs do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory as _};
use clap_complete::{Generator, Shell, generate};
use clap_mangen::Man;

use crate::command_line::Arguments;
use crate::ctl;

/// `orbitd pages`
#[derive(Args, Debug)]
pub struct Options {
    /// Where `man/` and `bash-completion/`, `zsh/`, `fish/` go: `/usr/share` of a package.
    pub folder: PathBuf,
}

/// A program, and the section of the manual it belongs to.
fn programs() -> [(Command, &'static str); 2] {
    [
        (Arguments::command(), "8"),
        (ctl::Arguments::command(), "1"),
    ]
}

/// Writes everything, and makes the folders that are missing.
///
/// # Errors
/// What the file system says.
pub fn write(options: &Options) -> io::Result<()> {
    for (mut program, section) in programs() {
        program.build();
        let folder = options.folder.join("man").join(format!("man{section}"));
        manual(&program, section, &folder)?;
        completion(&mut program, &options.folder)?;
    }
    Ok(())
}

/// A page for the program, and one for each of its commands.
fn manual(program: &Command, section: &str, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let hidden = |command: &Command| command.is_hide_set() || command.get_name() == "help";
    let name = program.get_name().to_owned();
    page(program.clone(), &name, section, folder)?;
    for command in program.get_subcommands().filter(|one| !hidden(one)) {
        let name = format!("{name}-{}", command.get_name());
        page(command.clone(), &name, section, folder)?;
    }
    Ok(())
}

fn page(command: Command, name: &str, section: &str, folder: &Path) -> io::Result<()> {
    let name = name.to_owned();
    let mut text = Vec::new();
    Man::new(command.display_name(name.clone()))
        .title(name.to_uppercase())
        .section(section)
        .source(concat!("orbit ", env!("CARGO_PKG_VERSION")))
        .manual("orbit")
        .render(&mut text)?;
    fs::write(folder.join(format!("{name}.{section}")), text)
}

/// For bash, zsh and fish, where each looks for it.
fn completion(program: &mut Command, folder: &Path) -> io::Result<()> {
    let places = [
        (Shell::Bash, "bash-completion/completions"),
        (Shell::Zsh, "zsh/vendor-completions"),
        (Shell::Fish, "fish/vendor_completions.d"),
    ];
    let name = program.get_name().to_owned();
    for (shell, place) in places {
        let folder = folder.join(place);
        fs::create_dir_all(&folder)?;
        let file = match shell {
            Shell::Bash => name.clone(),
            _ => shell.file_name(&name),
        };
        let mut text = Vec::new();
        generate(shell, program, name.clone(), &mut text);
        fs::write(folder.join(file), text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_and_each_shell_its_completion() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            folder: folder.path().to_owned(),
        };
        write(&options).unwrap();
        let text = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
        let page = text("man/man8/orbitd.8");
        assert!(page.contains(".TH ORBITD 8"), "{page}");
        assert!(page.contains("log\\-format"), "{page}");
        assert!(!page.contains("pages"), "what is hidden has no page");
        assert!(text("man/man8/orbitd-capacity.8").contains("parked calls"));
        assert!(text("bash-completion/completions/orbitd").contains("capacity"));
        assert!(text("man/man1/orbitctl-orbits.1").contains("orbit"));
        assert!(text("zsh/vendor-completions/_orbitd").contains("#compdef orbitd"));
        assert!(text("fish/vendor_completions.d/orbitd.fish").contains("capacity"));
    }
}
