//! `wulin completions` and `wulin man`: shell completions and manual pages, generated from the definition of the
//! command line.

use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use wulin_command::output::say;

/// Prints the completions for a shell.
pub fn completions(mut command: Command, shell: Shell) {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "wulin", &mut text);
    say(String::from_utf8_lossy(&text));
}

/// Prints the manual page of `wulin`, or writes a page for each command into `folder`.
pub fn manual(command: Command, folder: Option<&Path>) -> anyhow::Result<()> {
    let Some(folder) = folder else {
        let mut text = Vec::new();
        Man::new(command).render(&mut text)?;
        say(String::from_utf8_lossy(&text));
        return Ok(());
    };
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    // Without this, each subcommand of `help` would get an empty page.
    clap_mangen::generate_to(command.disable_help_subcommand(true), folder)
        .with_context(|| format!("the pages cannot be written into {}", folder.display()))
}
