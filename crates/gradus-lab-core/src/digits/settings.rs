//! What an address says of the page: `method=adadelta&rate=0.01&momentum=0.9&batch=20&decay=0.001&seed=0`, and `network=` with the
//! network's text where it is another than the one that the page begins with.

use super::layers::Plan;
use super::text::{self, BEGINNING};
use super::trainer::{Method, Options};
use crate::wire::Wire;
use std::fmt::Write;

/// Settings.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) options: Options,
    pub(super) seed: u32,
    /// A text that can be read.
    pub(super) network: String,
}

impl Settings {
    /// Reads an address; what cannot be taken has its default, and is told.
    pub(super) fn read(address: &str) -> (Settings, Vec<String>) {
        let mut remarks = vec![];
        let mut settings =
            Settings { options: Options::default(), seed: 0, network: BEGINNING.into() };
        for (key, value) in address.split('&').filter_map(|pair| pair.split_once('=')) {
            if let Err(expected) = settings.take(key, value) {
                remarks.push(expected);
            }
        }
        (settings, remarks)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        let mut options = self.options;
        match key {
            "method" => {
                options.method = Method::named(value)
                    .ok_or_else(|| format!("method {value:?} is none of {}", Method::names()))?;
            }
            "rate" | "momentum" | "decay" | "batch" => {
                let number: f32 =
                    value.parse().map_err(|_| format!("{key} {value:?} is no number"))?;
                match key {
                    "rate" => options.rate = number,
                    "momentum" => options.momentum = number,
                    "decay" => options.decay = number,
                    _ if number.fract() == 0.0 => options.batch = number as u32,
                    _ => return Err(format!("batch {value:?} is no whole number")),
                }
            }
            "seed" => {
                self.seed =
                    value.parse().map_err(|_| format!("seed {value:?} is no whole number"))?;
            }
            "network" => {
                let text = unescaped(value).ok_or("network is no text in percent signs")?;
                let read = text::read(&text);
                read.map_err(|mistake| format!("network, {mistake}"))?;
                self.network = text;
            }
            _ => return Err(format!("{key:?} is no setting of this page")),
        }
        check(&options)?;
        self.options = options;
        Ok(())
    }

    /// As an address holds them.
    pub(super) fn write(&self) -> String {
        let Options { method, rate, momentum, batch, decay } = self.options;
        let mut address = format!(
            "method={}&rate={rate}&momentum={momentum}&batch={batch}&decay={decay}&seed={}",
            method.name(),
            self.seed
        );
        if self.network != BEGINNING {
            let _ = write!(address, "&network={}", escaped(&self.network));
        }
        address
    }

    pub(super) fn plan(&self) -> Plan {
        let read = text::read(&self.network).or_else(|_| text::read(BEGINNING));
        read.expect("the beginning's network can be read").plan
    }
}

/// Refuses options that nothing can be learned with.
pub(super) fn check(options: &Options) -> Result<(), String> {
    let Options { rate, momentum, batch, decay, .. } = options;
    if !(0.0..=10.0).contains(rate) {
        return Err(format!("rate is {rate}: it must be from 0 to 10"));
    }
    if !(0.0..=0.999).contains(momentum) {
        return Err(format!("momentum is {momentum}: it must be from 0 to 0.999"));
    }
    if !(0.0..=1.0).contains(decay) {
        return Err(format!("decay is {decay}: it must be from 0 to 1"));
    }
    if !(1..=1000).contains(batch) {
        return Err(format!("batch is {batch}: it must be from 1 to 1000"));
    }
    Ok(())
}

/// With a percent sign and two digits for each byte that is no letter or digit.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut to, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' => to.push(char::from(byte)),
            _ => drop(write!(to, "%{byte:02X}")),
        }
        to
    })
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = vec![];
    let mut from = text.bytes();
    while let Some(byte) = from.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [from.next()?, from.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}
