//! docs/reference/cli.md: every command with its arguments, as `--help` has them.

use clap::{Arg, Command};

use crate::{
    hold,
    page::{Page, anchor, code},
};

#[test]
fn commands_are_as_the_page_has_them() {
    let mut root = anycast_ctl::cli::command();
    root.build();
    let mut page = Page::new("Commands", "the command line in `anycast-ctl/src/cli`");
    page.block(
        "What is here, `--help` of each command prints, and `anycast-ctl man DIRECTORY` writes as manual pages. Exit codes: 0 \
         done, 1 it went wrong, 2 wrong usage; `apply --dry-run` and `apply --diff`: 2 there would be changes.",
    );
    page.table(["command", "does"], listed(&root));
    page.heading(2, "What every command takes");
    page.table(COLUMNS, root.get_arguments().filter(|it| it.is_global_set()).map(row));
    commands(&mut page, &mut root, 2);
    hold("cli.md", page);
}

const COLUMNS: [&str; 3] = ["argument", "default", "says"];

/// The commands that do something, by their links.
fn listed(command: &Command) -> Vec<[String; 2]> {
    let below = shown(command).flat_map(|command| {
        let name = command.get_bin_name().unwrap_or_default();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let own = does_something(command).then(|| [format!("[`{name}`](#{})", anchor(name)), about]);
        own.into_iter().chain(listed(command)).collect::<Vec<_>>()
    });
    below.collect()
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| is_shown(command))
}

fn is_shown(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

fn commands(page: &mut Page, command: &mut Command, depth: usize) {
    for command in command.get_subcommands_mut().filter(|command| is_shown(command)) {
        page.heading(depth, command.get_bin_name().unwrap_or_default());
        let about = command.get_long_about().or(command.get_about());
        page.block(&about.map(ToString::to_string).unwrap_or_default());
        if !does_something(command) {
            commands(page, command, depth + 1);
            continue;
        }
        let usage = command.render_usage().to_string();
        page.literal(usage.strip_prefix("Usage: ").unwrap_or(&usage));
        page.table(COLUMNS, command.get_arguments().filter(|it| is_own(it)).map(row));
        if let Some(examples) = command.get_after_long_help().or(command.get_after_help()) {
            page.literal(&examples.to_string());
        }
        commands(page, command, depth + 1);
    }
}

/// Whether a command can be given without one of those below it.
fn does_something(command: &Command) -> bool {
    !command.has_subcommands() || !command.is_subcommand_required_set()
}

fn is_own(argument: &Arg) -> bool {
    !argument.is_global_set()
        && !argument.is_hide_set()
        && !["help", "version"].contains(&argument.get_id().as_str())
}

fn row(argument: &Arg) -> [String; 3] {
    [code(&name(argument)), default(argument), says(argument)]
}

/// As usage lines have it.
fn name(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default().iter().map(|name| name.to_string());
    let values: Vec<String> = values.collect();
    let takes = argument.get_action().takes_values();
    if argument.is_positional() {
        let values =
            if values.is_empty() { argument.get_id().to_string().to_uppercase() } else { values.join(" ") };
        return if argument.is_required_set() { values } else { format!("[{values}]") };
    }
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let names = names.join(", ");
    let may_lack = argument.get_num_args().is_some_and(|number| number.min_values() == 0);
    match () {
        () if !takes || values.is_empty() => names,
        () if may_lack => format!("{names}[={}]", values.join(" ")),
        () => format!("{names} {}", values.join(" ")),
    }
}

fn default(argument: &Arg) -> String {
    if !argument.get_action().takes_values() {
        return String::new();
    }
    let values = argument.get_default_values().iter().map(|value| code(&value.to_string_lossy()));
    values.collect::<Vec<_>>().join(" ")
}

fn says(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help());
    let mut says = help.map(ToString::to_string).unwrap_or_default();
    let values = argument.get_possible_values();
    let values: Vec<String> =
        values.iter().filter(|value| !value.is_hide_set()).map(|value| code(value.get_name())).collect();
    if argument.get_action().takes_values() && !values.is_empty() {
        says += &format!(" [{}]", values.join(", "));
    }
    if let Some(variable) = argument.get_env() {
        says += &format!(" [environment: `{}`]", variable.to_string_lossy());
    }
    says
}
