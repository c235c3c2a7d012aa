//! baresip: a real phone without a sound card. It speaks from a WAV file and records what it hears.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::clock::{PATIENCE, seconds_since_epoch, until};
use super::{Kamailio, Ports, Process, wav};

/// A running phone.
#[derive(Debug)]
pub(crate) struct Baresip {
    process: Process,
    control: TcpStream,
    /// What the control connection said that was not looked at yet.
    heard: Vec<u8>,
    /// How many commands were to be answered.
    asked: u32,
    folder: TempDir,
}

impl Baresip {
    /// Starts the phone number `place` (0 to 3) of a test, speaking a tone.
    pub(crate) fn start(ports: &Ports, place: u16, hertz: f64) -> Self {
        let account = format!("<sip:phone{place}@127.0.0.1>;regint=0\n");
        Self::with_account(ports, (place, hertz), &account, "")
    }

    /// Starts one that has somebody among its contacts, and watches whether there is an answer to
    /// be expected.
    pub(crate) fn with_buddy(ports: &Ports, (place, hertz): (u16, f64), buddy: &str) -> Self {
        let account = format!("<sip:phone{place}@127.0.0.1>;regint=0\n");
        let contact = format!("\"Buddy\" <{buddy}>;presence=p2p\n");
        Self::with_account(ports, (place, hertz), &account, &contact)
    }

    /// Starts one that is registered at a proxy, and reaches everybody by way of it.
    pub(crate) fn behind(
        proxy: &Kamailio,
        ports: &Ports,
        (place, hertz): (u16, f64),
        user: &str,
    ) -> Self {
        let address = proxy.address;
        let account =
            format!("<sip:{user}@{address}>;outbound=\"sip:{address}\";regint=60;auth_pass=none\n");
        let mut phone = Self::with_account(ports, (place, hertz), &account, "");
        // The event may come before anybody listens for it.
        phone.saw("[1 binding]");
        phone
    }

    fn with_account(
        ports: &Ports,
        (place, hertz): (u16, f64),
        account: &str,
        contacts: &str,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        wav::write(&folder.path().join("voice.wav"), &wav::tone(hertz, 60));
        let control_port = ports.pair();
        let mut config = config(
            ports.pair(),
            control_port,
            ports.phone_media(place),
            &folder,
        );
        if !contacts.is_empty() {
            config.push_str("module_app contact.so\nmodule_app presence.so\n");
        }
        fs::write(folder.path().join("config"), config).expect("a file of our own");
        fs::write(folder.path().join("accounts"), account).expect("a file of our own");
        fs::write(folder.path().join("contacts"), contacts).expect("a file of our own");
        leave_no_room_for_encoder_recordings(&folder);
        let mut command = Command::new("baresip");
        command.env("TZ", "UTC");
        // -s traces SIP: the orbit is told in the Contact of the answer.
        command.arg("-s").arg("-f").arg(folder.path());
        let mut process = Process::spawn(&format!("baresip {place}"), &mut command);
        process.line_with("baresip is ready", PATIENCE);
        let control =
            TcpStream::connect((Ipv4Addr::LOCALHOST, control_port)).expect("its control port");
        control
            .set_read_timeout(Some(Duration::from_millis(50)))
            .expect("a timeout");
        Self {
            process,
            control,
            heard: Vec::new(),
            asked: 0,
            folder,
        }
    }

    pub(crate) fn dial(&mut self, uri: &str) {
        self.command("dial", uri);
    }

    pub(crate) fn command(&mut self, command: &str, params: &str) {
        self.order(&format!(
            "\"command\":\"{command}\",\"params\":\"{params}\""
        ));
    }

    fn order(&mut self, members: &str) {
        let json = format!("{{{members}}}");
        let netstring = format!("{}:{json},", json.len());
        self.control
            .write_all(netstring.as_bytes())
            .expect("its control connection");
    }

    /// Waits for an event, such as `CALL_ESTABLISHED`, that comes after the last one waited for.
    pub(crate) fn wait_for(&mut self, event: &str) {
        let needle = format!("\"type\":\"{event}\"");
        until(&format!("{event} at baresip"), PATIENCE, || {
            let text = self.hear();
            let at = text.find(&needle)?;
            self.heard = text.as_bytes()[at + needle.len()..].to_vec();
            Some(())
        });
    }

    /// Waits until its list of contacts has somebody in a state, such as `Busy`.
    pub(crate) fn shows(&mut self, state: &str) {
        until(&format!("{state} in baresip's contacts"), PATIENCE, || {
            let answer = self.answer("contacts");
            answer.contains(state).then_some(())
        });
    }

    /// What it answers to a command.
    fn answer(&mut self, command: &str) -> String {
        self.asked += 1;
        let token = format!("\"token\":\"{}\"", self.asked);
        self.order(&format!("\"command\":\"{command}\",{token}"));
        until(&format!("answer to {command}"), PATIENCE, || {
            let text = self.hear();
            let (answers, _) = text.split_once(&token)?;
            let (_, answer) = answers.rsplit_once("\"response\":true")?;
            Some(answer.to_owned())
        })
    }

    /// What the control connection has said that was not waited for.
    fn hear(&mut self) -> String {
        let mut buffer = [0; 4_096];
        // Nothing to read for now is no failure.
        if let Ok(length) = self.control.read(&mut buffer) {
            self.heard.extend_from_slice(&buffer[..length]);
        }
        String::from_utf8_lossy(&self.heard).into_owned()
    }

    /// The value of Replaces (RFC 3891) that names the call whose 2xx said something.
    pub(crate) fn replaces(&mut self, said: &str) -> String {
        let log = self.process.log();
        let at = log.iter().rposition(|line| line.contains(said));
        let at = at.unwrap_or_else(|| panic!("no {said:?} in the trace of baresip"));
        let begin = log[..at]
            .iter()
            .rposition(|line| line.starts_with("SIP/2.0 2"));
        let head = log[begin.expect("a response")..].iter();
        let head: Vec<&String> = head.take_while(|line| !line.is_empty()).collect();
        let value = |name: &str, behind: &str| -> String {
            let mut values = head.iter().filter_map(|line| line.strip_prefix(name));
            let value = values.next().and_then(|value| value.split_once(behind));
            value.expect("it is in each response").1.to_owned()
        };
        let (call_id, tag) = (value("Call-ID:", " "), |name| value(name, ";tag="));
        format!("{call_id};to-tag={};from-tag={}", tag("To:"), tag("From:"))
    }

    /// The user part of the last Contact that another than this phone told it.
    pub(crate) fn contact_user(&mut self, server: &str) -> String {
        let suffix = format!("@{server}");
        let contact = |line: &String| {
            let value = line.to_ascii_lowercase();
            let value = value.trim().strip_prefix("contact:")?.trim().to_owned();
            let user = value
                .split(&suffix)
                .next()
                .filter(|user| user.len() < value.len())?;
            user.rsplit_once("sip:").map(|(_, user)| user.to_owned())
        };
        until("Contact in the trace of baresip", PATIENCE, || {
            self.process.log().iter().rev().find_map(contact)
        })
    }

    /// Waits until its trace of SIP says something.
    pub(crate) fn saw(&mut self, needle: &str) {
        self.process.line_with(needle, PATIENCE);
    }

    /// Ends it; gives everything it heard, from all its calls, in order.
    pub(crate) fn quit(mut self) -> Vec<i16> {
        self.command("quit", "");
        self.process.wait(PATIENCE);
        let mut recordings: Vec<PathBuf> = fs::read_dir(self.folder.path())
            .expect("our own folder")
            .map(|entry| entry.expect("our own folder").path())
            .filter(|path| path.to_string_lossy().ends_with("-dec.wav"))
            .collect();
        // The name has the time of day.
        recordings.sort();
        assert!(!recordings.is_empty(), "baresip recorded nothing");
        recordings.iter().flat_map(|path| wav::read(path)).collect()
    }
}

/// Makes folders where baresip would record what it says, for the next minutes.
///
/// baresip 1.0.0 records both ways through filters. When a call is not two-way, as a parked one, it
/// drops the filters of what it hears, and sets them up again only if there are none for what it
/// says: so those must fail, which a folder under their file's name makes them.
fn leave_no_room_for_encoder_recordings(folder: &TempDir) {
    let start = seconds_since_epoch();
    let moments: String = (start..start + 240)
        .map(|second| format!("@{second}\n"))
        .collect();
    let list = folder.path().join("moments");
    fs::write(&list, moments).expect("a file of our own");
    let mut date = Command::new("date");
    date.args(["-u", "+%Y-%m-%d-%H-%M-%S", "-f"]).arg(&list);
    let names = date.output().expect("date is everywhere").stdout;
    for name in String::from_utf8_lossy(&names).lines() {
        let taken = folder.path().join(format!("dump-{name}-enc.wav"));
        fs::create_dir(taken).expect("a folder of our own");
    }
}

fn config(sip: u16, control: u16, media: (u16, u16), folder: &TempDir) -> String {
    let folder = folder.path().display();
    let (first, last) = media;
    format!(
        "poll_method epoll\n\
         sip_listen 127.0.0.1:{sip}\n\
         net_interface 127.0.0.1\n\
         rtp_ports {first}-{last}\n\
         call_max_calls 4\n\
         rtcp_mux no\n\
         jitter_buffer_delay 5-50\n\
         audio_source aufile,{folder}/voice.wav\n\
         audio_player aubridge,nowhere\n\
         audio_alert aubridge,nobody\n\
         snd_path {folder}\n\
         ctrl_tcp_listen 127.0.0.1:{control}\n\
         module_path /usr/lib/baresip/modules\n\
         module g711.so\n\
         module sndfile.so\n\
         module aufile.so\n\
         module aubridge.so\n\
         module_tmp account.so\n\
         module_app menu.so\n\
         module_app ctrl_tcp.so\n"
    )
}
