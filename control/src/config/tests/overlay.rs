//! What is laid over a file: the object takes the place of the file's of its name, whole.

use super::*;

const FILE: &str = r#"
[music.default]
file = "builtin"
[park]
user = "wait"
pickup_timeout = "2min"
max_pickup_attempts = 3
[park.site.paris]
members = ["+331*"]
pickup_timeout = "1min"
[[orbit_range]]
name = "front"
start = "700"
end = "799"
site = "paris"
[[orbit_range]]
name = "back"
start = "800"
end = "899"
[[policy]]
name = "staff"
park = ["internal"]
[store]
path = "orbit.db"
"#;

fn range(name: &str) -> ObjectName {
    ObjectName::new(ObjectKind::Range, name)
}

/// The file with these objects over it; what is no JSON takes the file's away.
fn overlay(objects: &[(ObjectName, &str)]) -> Overlay {
    let mut overlay = Overlay::default();
    for (name, definition) in objects {
        overlay.put(name.clone(), Definition::parse(definition).ok());
    }
    overlay
}

fn laid(text: &str, objects: &[(ObjectName, &str)]) -> Result<Config, ConfigError> {
    parse(text).unwrap().overlaid(&overlay(objects))
}

fn names(config: &Config) -> Vec<&str> {
    config
        .orbit_ranges
        .iter()
        .map(|range| &*range.name)
        .collect()
}

#[test]
fn nothing_laid_over_a_file_leaves_it_as_it_is() {
    for text in [FILE, "", EXAMPLE] {
        let file = parse(text).unwrap();
        let mut laid = file.overlaid(&Overlay::default()).unwrap();
        laid.source = file.source.clone();
        laid.warnings.clone_from(&file.warnings);
        assert_eq!(laid, file);
    }
}

#[test]
fn a_range_takes_the_place_of_the_files_whole_or_takes_it_away() {
    let front = (range("front"), r#"{"start":"100","end":"109"}"#);
    let config = laid(
        FILE,
        &[
            front,
            (range("back"), "-"),
            (range("new"), r#"{"start":"8","end":"9"}"#),
        ],
    );
    let config = config.unwrap();
    assert_eq!(names(&config), ["new", "front"]);
    assert_eq!(config.orbit_ranges[1].site, None, "not of both");
    assert_eq!(
        (config.park.user.as_str(), config.store.path.is_some()),
        ("wait", true)
    );
}

#[test]
fn the_built_in_range_stays_beside_another_one_until_it_is_taken_away() {
    let new = (range("new"), r#"{"start":"8","end":"9"}"#);
    let config = laid("", std::slice::from_ref(&new)).unwrap();
    assert_eq!(names(&config), ["new", "default"]);
    let gone = [(range("default"), "-"), new];
    assert_eq!(names(&laid("", &gone).unwrap()), ["new"]);
    let error = laid("", &gone[..1]).unwrap_err();
    assert_eq!(
        error.what,
        "no range is left to park in; add another one first"
    );
}

#[test]
fn settings_take_the_place_of_those_of_their_scope_and_nothing_else() {
    let of_all = (
        ObjectName::of_settings(None),
        r#"{"pickup_timeout":"3min"}"#,
    );
    let config = laid(FILE, &[of_all]).unwrap();
    assert_eq!(config.park.pickup_timeout, Duration::from_mins(3));
    assert_eq!(config.park.max_pickup_attempts, 1, "the usual one");
    assert_eq!(config.park.user, "wait");
    let reset = laid(FILE, &[(ObjectName::of_settings(None), "-")]).unwrap();
    assert_eq!(reset.park.pickup_timeout, Duration::from_secs(90));

    let paris = ObjectName::of_settings(Some("paris"));
    let own = |config: &Config| {
        let site = config.park.sites["paris"].clone();
        (site.own.pickup_timeout, site.members.len())
    };
    let named = laid(FILE, &[(paris.clone(), "-")]).unwrap_err();
    assert_eq!(named.key, ["orbit_range", "0", "site"], "it is not there");
    let other = r#"{"members":["+331*","2*"]}"#;
    assert_eq!(own(&laid(FILE, &[(paris, other)]).unwrap()), (None, 2));
    let oslo = (
        ObjectName::of_settings(Some("oslo")),
        r#"{"music_on_hold":false}"#,
    );
    let with_new = laid(FILE, &[oslo]).unwrap();
    assert_eq!(with_new.park.sites["oslo"].own.music_on_hold, Some(false));
}

#[test]
fn what_is_wrong_is_told_without_a_line_of_the_file_and_with_its_key() {
    let overlapping = (range("new"), r#"{"start":"750","end":"750"}"#);
    let error = laid(FILE, &[overlapping]).unwrap_err();
    assert_eq!(
        error.message,
        "site.toml, as changed while the server ran: [[orbit_range]] start = \"750\": the range \
         \"new\" (750-750) overlaps \"front\" (700-799); write other numbers"
    );
    assert_eq!(error.key, ["orbit_range", "2", "start"]);
    let unknown = (
        range("new"),
        r#"{"start":"1","end":"2","pickup_timeuot":"1min"}"#,
    );
    let error = laid(FILE, &[unknown]).unwrap_err();
    assert_eq!(error.key, ["orbit_range", "2", "pickup_timeuot"]);
    let policy = (ObjectName::new(ObjectKind::Policy, "staff"), "-");
    let named = (
        range("back"),
        r#"{"start":"800","end":"899","policy":"staff"}"#,
    );
    let error = laid(FILE, &[named, policy]).unwrap_err();
    assert_eq!(error.key, ["orbit_range", "1", "policy"]);
}

#[test]
fn every_object_of_a_file_is_told_as_it_would_be_laid_over_it() {
    let file = parse(FILE).unwrap();
    let objects = file.document(&Overlay::default()).objects();
    let told: Vec<String> = objects.keys().map(ToString::to_string).collect();
    let expected = [
        "music default",
        "policy staff",
        "range back",
        "range front",
        "settings global",
        "settings site:paris",
    ];
    assert_eq!(told, expected);
    let mut all = Overlay::default();
    for (name, definition) in objects {
        all.put(name, Some(definition));
    }
    let mut laid = file.overlaid(&all).unwrap();
    laid.source = file.source.clone();
    assert_eq!(laid, file);
    assert_eq!(file.document(&all), file.document(&Overlay::default()));
}

#[test]
fn another_definition_has_another_tag_and_the_same_one_has_the_same() {
    let tag = |text: &str| Definition::parse(text).unwrap().tag();
    assert_eq!(tag(r#"{"a":1,"b":null}"#), tag(r#"{ "a" : 1 }"#));
    assert_ne!(tag(r#"{"a":1}"#), tag(r#"{"a":2}"#));
}
