//! Command lines as documentation writes them, taken apart as a shell would, as far as is needed.

/// The commands of some lines of shell, each as its words. Comments and what steers input and output are left out.
pub fn commands(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let lines = joined
        .lines()
        .map(|line| line.trim().trim_start_matches("$ "));
    lines
        .flat_map(line)
        .filter(|command| !command.is_empty())
        .collect()
}

fn line(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut words = words(line).into_iter();
    while let Some(word) = words.next() {
        let last = commands.last_mut().expect("one is there from the start");
        match word.as_str() {
            "|" | "||" | "&&" | "&" | ";" => commands.push(Vec::new()),
            ">" | ">>" | "2>" | "<" => _ = words.next(),
            _ if word.starts_with('>') => {}
            _ => last.push(word),
        }
    }
    commands
}

fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (None, '#') if word.is_none() => break,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (Some(open), _) if open == letter => quote = None,
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// The arguments of `wulin` if this is what the command runs: by a path, with `sudo`, after variables, in a container, or by
/// `cargo run`.
pub fn arguments(command: &[String]) -> Option<&[String]> {
    let skipped = |word: &str| {
        let name = word.split_once('=').map(|(name, _)| name);
        let variable = |name: &str| {
            name.chars()
                .all(|letter| letter.is_ascii_uppercase() || letter == '_')
        };
        word == "sudo" || word == "!" || name.is_some_and(variable)
    };
    let start = command.iter().position(|word| !skipped(word))?;
    let command = &command[start..];
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["docker" | "podman", "exec", _, ..] => arguments(&command[3..]),
        // An example is a program of its own.
        ["cargo", "run", rest @ ..] if !rest.contains(&"--example") => {
            let end = command.iter().position(|word| word == "--")?;
            Some(&command[end + 1..])
        }
        [program, ..] if program.rsplit('/').next() == Some("wulin") => Some(&command[1..]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wulin_is_told_is_found() {
        let told = |text: &str| -> Vec<String> {
            let commands = commands(text);
            let told = commands.iter().filter_map(|command| arguments(command));
            told.map(|arguments| arguments.join(" ")).collect()
        };
        for (text, arguments) in [
            ("wulin", ""),
            ("$ wulin status", "status"),
            (
                "sudo ./target/release/wulin --acme \\\n    --domain a.example   # why",
                "--acme --domain a.example",
            ),
            (
                "WULIN_LOG=debug wulin check 'a b' | jq -r '.x | wulin'",
                "check a b",
            ),
            ("true && wulin log > log.txt", "log"),
            ("docker exec wulin wulin status", "status"),
            ("cargo run --release -- play", "play"),
        ] {
            assert_eq!(told(text), [arguments], "{text}");
        }
        for text in [
            "# wulin status",
            "docker build -t wulin .",
            "systemctl status wulin",
            "wulin.socket",
            "cargo run",
            "cargo run --example bot -- 3",
        ] {
            assert_eq!(told(text), [""; 0], "{text}");
        }
    }
}
