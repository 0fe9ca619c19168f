//! How fast the Playground's engine is: an epoch and a picture, of the default and of the largest network.

use gradus_lab_core::{Command, PageName, Session, playground};
use std::time::Instant;

fn main() {
    let largest = "networkShape=8,8,8,8,8,8&percTrainData=90&x=true&xSquared=true&ySquared=true&xTimesY=true&sinX=true&sinY=true";
    for (name, settings) in [
        ("default", "percTrainData=100".to_owned()),
        ("default, half to test", String::new()),
        ("ReLU", "activation=relu&percTrainData=100".into()),
        ("largest", largest.into()),
        ("largest regression", format!("{largest}&problem=regression")),
    ] {
        let (mut session, _) = Session::open(PageName::Playground, &settings);
        let view = playground::View {
            unit_side: 30,
            output_side: 100,
            shown: None,
            regions: true,
            lines: true,
            warp: Some(1),
        };
        session.handle(Command::Play);
        let mut epoch = f64::INFINITY;
        for _ in 0..20 {
            let begin = Instant::now();
            let until = session.step() + 20;
            while session.step() < until && session.work() {}
            epoch = epoch.min(begin.elapsed().as_secs_f64() / 20.0);
        }
        let mut frame = || {
            let mut best = f64::INFINITY;
            for _ in 0..20 {
                let begin = Instant::now();
                drop(session.handle(Command::Frame));
                best = best.min(begin.elapsed().as_secs_f64());
            }
            let bytes = gradus_lab_core::wire::encode(&session.handle(Command::Frame)).len();
            (best * 1e3, bytes)
        };
        let plain = frame();
        session.handle(Command::Playground(playground::Command::Look(view)));
        let mut frame = || {
            let mut best = f64::INFINITY;
            for _ in 0..20 {
                let begin = Instant::now();
                drop(session.handle(Command::Frame));
                best = best.min(begin.elapsed().as_secs_f64());
            }
            best * 1e3
        };
        println!(
            "{name}: epoch {:.3} ms, frame {:.2} ms ({} kB), with regions and warp {:.2} ms",
            epoch * 1e3,
            plain.0,
            plain.1 / 1000,
            frame()
        );
    }
}
