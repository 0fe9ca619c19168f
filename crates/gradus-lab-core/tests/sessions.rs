//! Every page: what is saved goes on, what is journaled is done again, and neither differs in a bit.

use gradus_lab_core::wire::{decode, encode};
use gradus_lab_core::{
    Command, Event, PageName, Session, convolution, digits, kernels, neuron, playground,
};

/// A page with settings, and commands that change it on the way.
fn pages() -> Vec<(PageName, &'static str, Vec<Command>)> {
    let faster = digits::Options { method: digits::Method::Adam, batch: 7, ..Default::default() };
    let of_digits = [digits::Command::Show { test: 9 }, digits::Command::Options(faster)];
    let set = |name: &str, value: &str| playground::Command::Set {
        run: 0,
        name: name.into(),
        value: value.into(),
    };
    let point = playground::Point { x: 1.0, y: -2.0, label: 1.0, is_test: false };
    let of_playground = [
        set("learningRate", "0.1"),
        playground::Command::Bias { run: 1, layer: 0, unit: 1, value: 0.5 },
        playground::Command::Travel { epoch: 7 },
        playground::Command::AddPoint { run: 0, point },
    ];
    let number = kernels::Command::Number { stage: 0, at: 4, value: 2.5 };
    let of_kernels = [number, kernels::Command::Add];
    vec![
        (PageName::Neuron, "table=xor", vec![Command::Neuron(neuron::Command::Forget)]),
        (PageName::Digits, "batch=5&seed=3", of_digits.map(Command::Digits).to_vec()),
        (PageName::Playground, "b.", of_playground.map(Command::Playground).to_vec()),
        (
            PageName::Kernels,
            "picture=shapes&kernel=blur&learn=3",
            of_kernels.map(Command::Kernels).to_vec(),
        ),
    ]
}

/// Works up to a step.
fn work(session: &mut Session, until: u32) {
    session.handle(Command::Play);
    while session.step() < until && session.work() {}
    session.handle(Command::Pause);
}

fn picture(session: &mut Session) -> Vec<u8> {
    encode(&session.handle(Command::Frame))
}

#[test]
fn a_saved_session_goes_on_as_if_nothing_had_happened() {
    for (name, settings, commands) in pages() {
        let (mut session, _) = Session::open(name, settings);
        work(&mut session, 7);
        commands.iter().for_each(|command| drop(session.handle(command.clone())));
        let (mut restored, opened) = Session::restore(&session.save()).expect("a session");
        assert!(matches!(opened, Event::Opened { step: 7, playing: false, .. }), "{opened:?}");
        for session in [&mut session, &mut restored] {
            work(session, 20);
        }
        assert_eq!(picture(&mut restored), picture(&mut session), "{name:?}");
        assert_eq!(restored.save(), session.save(), "{name:?}");
    }
}

#[test]
fn a_journal_is_done_again() {
    for (name, settings, commands) in pages() {
        let (mut session, _) = Session::open(name, settings);
        for (i, command) in commands.iter().enumerate() {
            work(&mut session, 5 * (i as u32 + 1));
            assert!(!refused(&session.handle(command.clone())), "{command:?}");
        }
        work(&mut session, 30);
        let journal = journal(&mut session);
        let (mut again, _) = Session::open(name, "");
        again.handle(Command::Replay { journal: journal.clone() });
        while again.work() {}
        assert_eq!(picture(&mut again), picture(&mut session), "{name:?}");
        assert_eq!(self::journal(&mut again), journal, "{name:?}");
    }
}

fn journal(session: &mut Session) -> Vec<u8> {
    match session.handle(Command::Journal).pop() {
        Some(Event::Journal { journal }) => journal,
        other => panic!("{other:?}"),
    }
}

fn refused(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Refused { .. }))
}

#[test]
fn a_session_saved_while_a_journal_is_replayed_goes_on_with_it() {
    let (mut session, _) = Session::open(PageName::Neuron, "table=and");
    work(&mut session, 9);
    session.handle(Command::Neuron(neuron::Command::Forget));
    work(&mut session, 20);
    let journal = journal(&mut session);
    let (mut again, _) = Session::open(PageName::Neuron, "");
    again.handle(Command::Replay { journal });
    while again.step() < 4 && again.work() {}
    assert!(refused(&again.handle(Command::Step)), "a step between those of the journal");
    let (mut restored, _) = Session::restore(&again.save()).expect("a session");
    while restored.work() {}
    assert_eq!(restored.step(), 20);
    assert_eq!(picture(&mut restored), picture(&mut session));
}

#[test]
fn other_bytes_are_refused_and_nothing_changes() {
    let (mut session, _) = Session::open(PageName::Neuron, "table=or");
    work(&mut session, 3);
    let before = session.save();
    let journal = journal(&mut session);
    for bytes in [vec![], vec![2, 0], journal[..journal.len() - 1].to_vec(), vec![1; 40]] {
        assert!(refused(&session.handle(Command::Replay { journal: bytes.clone() })), "{bytes:?}");
        assert!(Session::restore(&bytes).is_err());
    }
    assert_eq!(session.save(), before);
    let (_, opened) = Session::open(PageName::Neuron, "table=nor&colour=red");
    let Event::Opened { remarks, .. } = opened else { panic!("{opened:?}") };
    assert_eq!(remarks.len(), 2, "{remarks:?}");
}

#[test]
fn messages_of_a_session_are_read_again() {
    let (mut session, opened) = Session::open(PageName::Neuron, "");
    let mut events = vec![opened];
    for command in [Command::Play, Command::Frame, Command::Journal, Command::Step] {
        assert_eq!(decode::<Command>(&encode(&command)).as_ref(), Ok(&command));
        events.extend(session.handle(command));
    }
    assert_eq!(decode::<Vec<Event>>(&encode(&events)), Ok(events));
}

/// An address with a step is worked to at once, without being played.
#[test]
fn an_address_with_a_step_goes_there() {
    let (mut session, _) = Session::open(PageName::Playground, "seed=0.3&step=25");
    assert!(session.is_working());
    while session.work() {}
    let (mut played, _) = Session::open(PageName::Playground, "seed=0.3");
    work(&mut played, 25);
    assert_eq!((session.step(), picture(&mut session)), (25, picture(&mut played)));
    session.handle(Command::Open { settings: "step=3".into() });
    while session.work() {}
    assert_eq!(session.step(), 3);
}

#[test]
fn a_page_without_steps_is_kept_and_done_again_too() {
    use convolution::Command::{Answer, Ask, One, Pixel};
    let (mut session, _) = Session::open(PageName::Convolution, "size=6&padding=same&seed=3");
    let answer = Answer { text: "5".into() };
    for command in
        [Pixel { at: 3, value: -7.5 }, One { at: 2 }, Ask { question: 2, seed: 0 }, answer]
    {
        assert!(!refused(&session.handle(Command::Convolution(command))));
    }
    let before = picture(&mut session);
    let journal = journal(&mut session);
    // What only asks is kept nowhere.
    session.handle(Command::Convolution(convolution::Command::Output { at: 0 }));
    assert_eq!(self::journal(&mut session), journal);
    let (mut restored, _) = Session::restore(&session.save()).expect("a session");
    assert_eq!(picture(&mut restored), before);
    let (mut again, _) = Session::open(PageName::Convolution, "");
    again.handle(Command::Replay { journal });
    while again.work() {}
    assert_eq!(picture(&mut again), before);
}
