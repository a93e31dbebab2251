//! Files that cannot be reached: the exact component of the path, and the remedy.

use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::{Folder, good, now, problem_of, says};
use crate::{Problem, discover};

#[test]
fn missing_file_names_what_is_there() {
    let (folder, _) = good();
    expect!(
        problem_of(&folder, "crt.pem", "key.pem"),
        NotFound,
        "crt.pem does not exist",
        "cert.pem, key.pem"
    );
    expect!(
        problem_of(&folder, "cert.pem", "kay.pem"),
        NotFound,
        "kay.pem does not exist",
        "cert.pem, key.pem"
    );
    expect!(
        problem_of(&folder, "certs/cert.pem", "key.pem"),
        NotFound,
        "certs/cert.pem",
        "there is no",
        "/certs."
    );
}

#[test]
fn dangling_link_is_named() {
    let (folder, _) = good();
    folder.link("live/fullchain.pem", "../archive/fullchain1.pem");
    expect!(
        problem_of(&folder, "live/fullchain.pem", "key.pem"),
        NotFound,
        "fullchain.pem is a link to",
        "/archive",
        "cp -rL"
    );
}

#[test]
fn folder_as_file_and_file_as_folder_are_problems() {
    let (folder, _) = good();
    expect!(
        problem_of(&folder, "", "key.pem"),
        IsDirectory,
        "is a folder",
        "certificate file",
        "--tls-dir"
    );
    expect!(
        problem_of(&folder, "cert.pem", "key.pem/x"),
        NotADirectory,
        "key.pem/x",
        "key.pem is a file, not a folder"
    );
}

#[test]
fn good_link_is_not_blamed_for_a_missing_file() {
    let (folder, _) = good();
    fs::create_dir(folder.at("real")).unwrap();
    folder.link("ssl", "real");
    let problem = problem_of(&folder, "ssl/cert.pem", "key.pem");
    says(&problem, &["ssl/cert.pem does not exist", "real/cert.pem"]);
    assert!(!problem.to_string().contains("is a link"), "{problem}");
}

/// Runs `test` as a user for whom file modes count. Root passes every check, so as root the test runs again as nobody.
fn as_ordinary_user(name: &str, test: impl FnOnce()) {
    if Path::new("/proc/self").metadata().unwrap().uid() != 0 {
        return test();
    }
    let folder = Folder::new();
    let program = folder.at("tests");
    // Copied by another process: another test may fork while this one writes, the child would hold the file open, and a
    // program that is open for writing cannot be started.
    let copied = Command::new("cp")
        .arg(env::current_exe().unwrap())
        .arg(&program)
        .status();
    assert!(copied.unwrap().success());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let name = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
    let mut command = Command::new(program);
    command
        .args(["--exact", &name])
        .uid(65534)
        .gid(65534)
        .current_dir("/")
        .env_remove("HOME");
    let output = command.output().unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && report.contains("1 passed"),
        "{report}"
    );
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn closed_folder_on_the_way_is_named() {
    as_ordinary_user("closed_folder_on_the_way_is_named", || {
        let (folder, issued) = good();
        folder.write("etc/archive/a/fullchain1.pem", &issued.chain);
        folder.link("etc/live/a/fullchain.pem", "../../archive/a/fullchain1.pem");
        let closed = folder.at("etc/archive");
        chmod(&closed, 0o600);
        let problem = problem_of(&folder, "etc/live/a/fullchain.pem", "key.pem");
        let in_folder = discover(&folder.at("etc/live"), now()).unwrap_err();
        chmod(&closed, 0o700);
        for problem in [problem, in_folder] {
            let command = format!("`chmod o+x {}`", closed.display());
            expect!(
                problem,
                FolderClosed,
                "live/a/fullchain.pem cannot be reached",
                "mode 0600",
                &command
            );
        }
    });
}

#[test]
fn unreadable_file_and_folder_are_named() {
    as_ordinary_user("unreadable_file_and_folder_are_named", || {
        let (folder, _) = good();
        chmod(&folder.at("key.pem"), 0o000);
        expect!(
            problem_of(&folder, "cert.pem", "key.pem"),
            NotReadable,
            "key.pem (mode 0000",
            "owner uid",
            "chmod g+r "
        );
        expect!(
            discover(folder.path(), now()).unwrap_err(),
            NotReadable,
            "key.pem"
        );
        let dir = folder.at("closed");
        fs::create_dir(&dir).unwrap();
        chmod(&dir, 0o300);
        expect!(
            discover(&dir, now()).unwrap_err(),
            NotReadable,
            "closed (mode 0300",
            "chmod g+rx "
        );
    });
}
