//! The seam between an op and a device, tried on what reaches outside: an all-reduce in two ops, one that starts and one that waits. Each
//! of several threads is a worker with a part of the batch; all end a step with the same weights, or none has changed its own.

use gradus_base::Result;
use gradus_base::exec::Kernel;
use gradus_graph::{
    Backward, Dense, Device, Effect, Meta, Node, Plain, Rule, Spec, Strategy, call_one,
};
use gradus_reference::Array;
use gradus_tensor::{Step, Tensor, Variable, compile, grad};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Who adds up: parts that have come in, and the last sum.
#[derive(Default)]
struct Ring {
    workers: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    parts: Vec<Vec<f64>>,
    sum: Vec<f64>,
    rounds: usize,
    broken: bool,
}

impl Ring {
    fn of(workers: usize) -> Arc<Ring> {
        Arc::new(Ring { workers, ..Ring::default() })
    }
    /// Hands in a part; the last one's worker adds them up, in the order in which they came, sorted, so that all have the same bits.
    fn give(&self, part: &[f64]) -> usize {
        let mut s = self.state.lock().unwrap();
        s.parts.push(part.to_vec());
        let round = s.rounds;
        if s.parts.len() == self.workers {
            s.parts.sort_by(|a, b| a.partial_cmp(b).unwrap());
            s.sum = (0..part.len()).map(|i| s.parts.iter().map(|p| p[i]).sum()).collect();
            s.parts.clear();
            s.rounds += 1;
            self.changed.notify_all();
        }
        round
    }
    /// The sum of a round, when all parts are in.
    fn take(&self, round: usize) -> std::result::Result<Vec<f64>, String> {
        let s = self.state.lock().unwrap();
        let waits = |s: &mut State| s.rounds <= round && !s.broken;
        let (s, late) = self.changed.wait_timeout_while(s, Duration::from_secs(20), waits).unwrap();
        match s.rounds > round && !late.timed_out() {
            true => Ok(s.sum.clone()),
            false => Err("a worker is gone".to_owned()),
        }
    }
    fn hang_up(&self) {
        self.state.lock().unwrap().broken = true;
        self.changed.notify_all();
    }
}

/// x → a ticket of one number: hands x in, and goes on.
struct Start(Arc<Ring>);
/// ticket, x → the sum of all workers' x. It reads x, too: so x stays where it is until the sum is there.
struct Wait(Arc<Ring>);

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Start({:p})", Arc::as_ptr(&self.0))
    }
}
impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wait({:p})", Arc::as_ptr(&self.0))
    }
}

type Work = fn(&Ring, &[&[f64]]) -> std::result::Result<Vec<f64>, String>;

/// The same function on both devices.
fn strategy<'a>(ring: &Arc<Ring>, device: Device, work: Work) -> Option<Box<dyn Strategy + 'a>> {
    let ring = ring.clone();
    match device {
        Device::Cpu => Some(Dense::of(move |spec: &Spec| -> Box<dyn Kernel> {
            let ring = ring.clone();
            spec.slices::<f64>(move |x, y| {
                y[0].copy_from_slice(&work(&ring, x)?);
                Ok(())
            })
        })),
        Device::Reference => Some(Plain::of(move |x: &[Array]| {
            let reals: Vec<&[f64]> = x.iter().map(Array::reals).collect();
            let last = x.last().expect("an input");
            let y = work(&ring, &reals)?;
            let shape = if y.len() == last.len() { last.shape } else { [1].into() };
            Ok(vec![Array::new(shape, y)])
        })),
        _ => None,
    }
}

impl Rule for Start {
    fn name(&self) -> &'static str {
        "all_reduce_start"
    }
    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![Meta::new([1], inputs[0].dtype)])
    }
    fn effect(&self) -> Effect {
        Effect::Outside
    }
    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        strategy(&self.0, device, |ring, x| Ok(vec![ring.give(x[0]) as f64]))
    }
    fn flops(&self, inputs: &[Meta], _: &[Meta]) -> u64 {
        inputs[0].shape.len() as u64
    }
}

impl Rule for Wait {
    fn name(&self) -> &'static str {
        "all_reduce_wait"
    }
    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[1]])
    }
    /// The sum's gradient is that of every part: the workers' gradients are summed in turn.
    fn grad(&self, b: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![None, Some(all_reduce(&self.0, b.dy()))])
    }
    fn effect(&self) -> Effect {
        Effect::Wait
    }
    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        strategy(&self.0, device, |ring, x| ring.take(x[0][0] as usize))
    }
    fn flops(&self, _: &[Meta], _: &[Meta]) -> u64 {
        0
    }
}

fn all_reduce(ring: &Arc<Ring>, x: &Node) -> Node {
    let ticket = call_one(Start(ring.clone()), &[x]);
    call_one(Wait(ring.clone()), &[&ticket, x])
}

/// One worker: least squares on its rows, gradients summed over all workers. Gives the weights after each of some steps.
fn work(ring: &Arc<Ring>, worker: usize, steps: usize, device: Device) -> Result<Vec<Vec<f64>>> {
    let w = Variable::new("w", &Tensor::from([0.5f64, -0.5]));
    let x = Tensor::from([[1.0f64, 2.0], [3.0, -1.0]]) + worker as f64;
    let t = Tensor::from([1.0f64, 2.0]);
    let one = |_: &[Tensor]| {
        let loss = (x.matmul(&w.tensor().unsqueeze(1)).squeeze(1) - &t).square().sum(..);
        let [dw] = grad(&loss, [&w.tensor()]);
        let total = Tensor::from_node(all_reduce(ring, dw.node()));
        Step::new().read(&loss).update(&w, &(w.tensor() - total * 0.01))
    };
    let mut step = compile(one);
    device.scope(|| step.plan(&[]).map(|_| ()))?;
    let mut after = vec![];
    for _ in 0..steps {
        let done = step.run(&[]).map(|_| ());
        after.push(w.tensor().to_vec::<f64>());
        if let Err(e) = done {
            assert!(e.to_string().starts_with("all_reduce_wait: a worker is gone"), "{e}");
            break;
        }
    }
    Ok(after)
}

#[test]
fn all_workers_have_the_same_weights_on_both_devices() {
    let mut ends = vec![];
    for device in [Device::Cpu, Device::Reference] {
        let ring = Ring::of(3);
        let all: Vec<_> = std::thread::scope(|s| {
            let threads: Vec<_> = (0..3)
                .map(|n| (n, &ring))
                .map(|(n, ring)| s.spawn(move || work(ring, n, 4, device).unwrap()))
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(all.iter().all(|w| *w == all[0]), "{all:?}");
        assert_eq!(all[0].len(), 4);
        assert_ne!(all[0][0], all[0][3]);
        ends.push(all[0][3].clone());
    }
    assert!(ends[0].iter().zip(&ends[1]).all(|(a, b)| (a - b).abs() < 1e-12), "{ends:?}");
}

#[test]
fn a_worker_that_is_gone_leaves_the_others_as_they_were() {
    for device in [Device::Cpu, Device::Reference] {
        let ring = Ring::of(2);
        let after = std::thread::scope(|s| {
            let stays = s.spawn(|| work(&ring, 0, 5, device).unwrap());
            let leaves = s.spawn(|| work(&ring, 1, 2, device).unwrap());
            leaves.join().unwrap();
            ring.hang_up();
            stays.join().unwrap()
        });
        // Two steps with both; in the third nothing is committed.
        assert_eq!(after.len(), 3);
        assert_eq!(after[1], after[2]);
    }
}
