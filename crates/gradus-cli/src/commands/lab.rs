//! `gradus lab`: the lecture's demonstrations, live in the browser.

use crate::error::{CliError, Result};
use crate::signals::Signals;
use gradus_lab::{Bound, Lab, Options};
use serde_json::json;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Open the lab: networks that learn before your eyes, in the browser
///
/// Pages are served to this machine alone, from this binary alone. What you do there is kept, and goes on after a restart. Ctrl-C ends it.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  gradus lab\n  gradus lab --no-open --port 9000")]
pub struct Args {
    /// The port; if it is taken, the next free one of the twenty after it. 0: any
    #[arg(long, default_value_t = 8710, value_name = "N")]
    port: u16,
    /// The address to listen at. Another than this machine's own lets others in, who need the key of the printed address
    #[arg(long, default_value_t = Ipv4Addr::LOCALHOST.into(), value_name = "ADDRESS")]
    host: IpAddr,
    /// Do not open the browser
    #[arg(long)]
    no_open: bool,
    /// The folder in which sessions are kept [default: the user's cache, gradus/lab]
    #[arg(long, value_name = "DIR")]
    sessions: Option<PathBuf>,
    /// Print one JSON object, with the address, as the first line
    #[arg(long)]
    json: bool,
}

/// Serves until Ctrl-C.
pub fn run(args: &Args) -> Result<()> {
    let signals = Signals::listen(args.json)?;
    let cache = || Some(gradus::data::cache_folder()?.join("lab"));
    let folder = args.sessions.clone().or_else(cache);
    if folder.is_none() {
        say!("there is no cache folder (HOME is not set): sessions end with this program");
    }
    let options = Options { host: args.host, port: args.port, folder };
    let lab = Lab::bind(&options).map_err(|e| {
        let (host, port) = (args.host, args.port);
        CliError::Work(format!("cannot serve the lab at {host}, port {port}: {e}"))
    })?;
    tell(lab.bound(), args.json)?;
    if !args.no_open && !open(&lab.bound().url()) {
        say!("no browser could be opened: open the address yourself");
    }
    // The browser draws on this machine, too: one core is its own. Bits do not depend on how many compute.
    gradus_cpu::set_threads(gradus_cpu::threads().saturating_sub(1).max(1));
    let stopper = lab.stopper();
    signals.serve(move || stopper.stop());
    lab.serve().map_err(|e| CliError::Work(format!("the lab cannot go on: {e}")))?;
    say!("the lab has ended; its sessions are kept");
    Ok(())
}

/// Says where it is.
fn tell(bound: &Bound, json: bool) -> Result<()> {
    if let Some(port) = bound.taken() {
        say!("port {port} is taken; this is the next free one");
    }
    if bound.is_open() {
        say!(
            "others can reach this address; whoever has the key can use the lab, and nothing is encrypted"
        );
    }
    let mut out = std::io::stdout().lock();
    match json {
        true => {
            let record = json!({ "url": bound.url(), "port": bound.address().port() });
            writeln!(out, "{record}")?;
        }
        false => writeln!(out, "the lab is at {}   (Ctrl-C ends it)", bound.url())?,
    }
    Ok(out.flush()?)
}

/// Opens the browser; gives whether there is something that opens addresses.
fn open(url: &str) -> bool {
    let (program, before): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("cmd", &["/c", "start", ""])
    } else {
        ("xdg-open", &[])
    };
    let mut command = Command::new(program);
    command.args(before).arg(url);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}
