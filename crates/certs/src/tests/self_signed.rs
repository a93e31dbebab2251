//! The self-signed certificate, and where it is stored.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use super::{Folder, days, now, says};
use crate::{Pair, Problem, load_pair, self_signed};

fn make(dir: &Path) -> Pair {
    self_signed(Some(dir), &[], now()).unwrap()
}

fn same(a: &Pair, b: &Pair) -> bool {
    a.certified.cert == b.certified.cert
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn certificate_covers_this_machine_and_extra_names() {
    let folder = Folder::new();
    let extra = [
        "Play.Test.".to_owned(),
        "192.168.1.7".to_owned(),
        "localhost".to_owned(),
    ];
    let pair = self_signed(Some(folder.path()), &extra, now()).unwrap();
    assert_eq!(
        pair.names,
        ["localhost", "127.0.0.1", "::1", "play.test", "192.168.1.7"]
    );
    assert!(pair.self_signed);
    assert!(pair.warnings.is_empty(), "{:?}", pair.warnings);
    assert!(pair.not_before < now() && pair.not_after > now() + days(364));
    assert!(pair.not_after.duration_since(pair.not_before).unwrap() <= days(398));
    pair.certified.keys_match().unwrap();
}

#[test]
fn certificate_is_stored_privately_and_used_again() {
    let folder = Folder::new();
    let dir = folder.at("state/wulin");
    let first = make(&dir);
    assert_eq!(first.cert_path, dir.join("self-signed.pem"));
    assert_eq!((mode(&dir), mode(&first.cert_path)), (0o700, 0o600));
    assert_eq!(
        fs::read_dir(&dir).unwrap().count(),
        1,
        "nothing unfinished is left"
    );
    assert!(same(&first, &make(&dir)));
    let later = now() + days(365 - 8);
    assert!(same(&first, &self_signed(Some(&dir), &[], later).unwrap()));
}

#[test]
fn certificate_is_replaced_a_week_before_its_end() {
    let folder = Folder::new();
    let first = make(folder.path());
    let later = now() + days(365 - 6);
    let second = self_signed(Some(folder.path()), &[], later).unwrap();
    assert!(!same(&first, &second));
    assert!(second.warnings.is_empty());
    assert!(same(
        &second,
        &self_signed(Some(folder.path()), &[], later).unwrap()
    ));
}

#[test]
fn certificate_is_replaced_for_a_new_name() {
    let folder = Folder::new();
    let first = make(folder.path());
    let wanted = ["*.play.test".to_owned()];
    let second = self_signed(Some(folder.path()), &wanted, now()).unwrap();
    assert!(!same(&first, &second) && second.covers("a.play.test"));
    assert!(same(
        &second,
        &self_signed(Some(folder.path()), &wanted, now()).unwrap()
    ));
    assert!(
        same(&second, &make(folder.path())),
        "more names than wanted will do"
    );
}

#[test]
fn broken_certificate_is_replaced() {
    let folder = Folder::new();
    let file = folder.write("self-signed.pem", "-----BEGIN CERTIFICATE-----\nAAAA");
    let pair = make(folder.path());
    assert!(pair.warnings.is_empty());
    assert!(same(&pair, &load_pair(&file, &file, now()).unwrap()));
    assert_eq!(mode(&file), 0o600);
}

#[test]
fn certificate_lives_in_memory_if_it_cannot_be_stored() {
    let folder = Folder::new();
    // A file in place of the folder stops root too.
    let file = folder.write("file", "");
    let dir = file.join("wulin");
    let pair = make(&dir);
    pair.certified.keys_match().unwrap();
    says(
        &&pair.warnings[0],
        &[
            dir.to_str().unwrap(),
            "could not be kept",
            "Not a directory",
        ],
    );
    let pair = self_signed(None, &[], now()).unwrap();
    says(&pair.warnings[0], &["could not be kept", "XDG_STATE_HOME"]);
}

#[test]
fn two_starts_at_once_leave_one_whole_pair() {
    let folder = Folder::new();
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                assert!(make(folder.path()).warnings.is_empty());
            });
        }
    });
    let file = folder.at("self-signed.pem");
    load_pair(&file, &file, now())
        .unwrap()
        .certified
        .keys_match()
        .unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn impossible_name_is_a_problem() {
    for name in ["玩.test", "a b", ""] {
        let problem = self_signed(None, &[name.to_owned()], now()).unwrap_err();
        assert!(matches!(problem, Problem::BadName { .. }));
        says(&problem, &[&format!("`{name}`"), "xn--"]);
    }
}
