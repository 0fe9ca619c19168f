//! Where boxes and arrows go: layers, their order, then places.   Sugiyama, Tagawa & Toda 1981

/// How far apart neighbours in a layer are kept, in pixels.
const GAP: f64 = 28.0;
/// The room an arrow takes where it passes a layer.
const LANE: f64 = 10.0;
const SWEEPS: usize = 12;

/// The outcome: for each box its layer and the middle of it; for each arrow the places where it passes the layers between.
pub(super) struct Layout {
    pub(super) layer: Vec<usize>,
    pub(super) x: Vec<f64>,
    pub(super) lanes: Vec<Vec<f64>>,
    pub(super) width: f64,
}

/// Lays out boxes of the given widths. Every arrow comes from an earlier box.
pub(super) fn layout(widths: &[f64], arrows: &[(usize, usize)]) -> Layout {
    let layer = layers(widths.len(), arrows);
    let mut grid = Grid::new(widths, arrows, &layer);
    grid.order();
    let x = grid.places();
    let left = (0..x.len()).map(|v| x[v] - grid.widths[v] / 2.0).fold(f64::INFINITY, f64::min);
    let right = (0..x.len()).map(|v| x[v] + grid.widths[v] / 2.0).fold(0.0, f64::max);
    let left = if left.is_finite() { left } else { 0.0 };
    let lanes = grid.lanes.iter().map(|l| l.iter().map(|&v| x[v] - left).collect()).collect();
    let x = x[..widths.len()].iter().map(|x| x - left).collect();
    Layout { layer, x, lanes, width: right - left }
}

/// One more than the highest input; what has no inputs sits right below its first user.
fn layers(boxes: usize, arrows: &[(usize, usize)]) -> Vec<usize> {
    let mut sorted = arrows.to_vec();
    sorted.sort_by_key(|&(_, to)| to);
    let mut layer = vec![0; boxes];
    for &(from, to) in &sorted {
        layer[to] = layer[to].max(layer[from] + 1);
    }
    let mut lowest_user = vec![usize::MAX; boxes];
    let mut is_source = vec![true; boxes];
    for &(from, to) in arrows {
        lowest_user[from] = lowest_user[from].min(layer[to]);
        is_source[to] = false;
    }
    for v in 0..boxes {
        if is_source[v] && lowest_user[v] != usize::MAX {
            layer[v] = lowest_user[v] - 1;
        }
    }
    layer
}

/// Boxes and, where an arrow passes a layer, narrow vertices; every link joins neighbouring layers.
struct Grid {
    widths: Vec<f64>,
    below: Vec<Vec<usize>>,
    above: Vec<Vec<usize>>,
    lanes: Vec<Vec<usize>>,
    rows: Vec<Vec<usize>>,
}

impl Grid {
    fn new(widths: &[f64], arrows: &[(usize, usize)], layer: &[usize]) -> Grid {
        let n = widths.len();
        let rows = layer.iter().max().map_or(0, |m| m + 1);
        let mut grid = Grid {
            widths: widths.to_vec(),
            below: vec![vec![]; n],
            above: vec![vec![]; n],
            lanes: vec![],
            rows: vec![vec![]; rows],
        };
        let mut row_of = layer.to_vec();
        for &(from, to) in arrows {
            let mut lanes = vec![];
            let mut last = from;
            for row in layer[from] + 1..layer[to] {
                let lane = grid.widths.len();
                grid.widths.push(LANE);
                grid.below.push(vec![]);
                grid.above.push(vec![]);
                row_of.push(row);
                grid.link(last, lane);
                lanes.push(lane);
                last = lane;
            }
            grid.link(last, to);
            grid.lanes.push(lanes);
        }
        for v in grid.top_down() {
            grid.rows[row_of[v]].push(v);
        }
        grid
    }

    fn link(&mut self, low: usize, high: usize) {
        self.above[low].push(high);
        self.below[high].push(low);
    }

    /// Every vertex once, results before what they are made of, operands from left to right.
    fn top_down(&self) -> Vec<usize> {
        let n = self.widths.len();
        let mut seen = vec![false; n];
        let mut out = Vec::with_capacity(n);
        let mut stack: Vec<usize> = (0..n).filter(|&v| self.above[v].is_empty()).rev().collect();
        while let Some(v) = stack.pop() {
            if !std::mem::replace(&mut seen[v], true) {
                out.push(v);
                stack.extend(self.below[v].iter().rev());
            }
        }
        out
    }

    /// Orders each row by the mean place of its neighbours, upwards and downwards in turn; keeps what crosses least.
    fn order(&mut self) {
        let mut best = (self.crossings(), self.rows.clone());
        for sweep in 0..SWEEPS {
            let place = self.ranks();
            let mut place: Vec<f64> = place.into_iter().map(|p| p as f64).collect();
            for i in 0..self.rows.len() {
                let up = sweep % 2 == 1;
                let row = if up { i } else { self.rows.len() - 1 - i };
                let links = if up { &self.below } else { &self.above };
                let key = |v: usize| match links[v].len() {
                    0 => place[v],
                    n => links[v].iter().map(|&u| place[u]).sum::<f64>() / n as f64,
                };
                let mut keyed: Vec<(f64, usize)> =
                    self.rows[row].iter().map(|&v| (key(v), v)).collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                self.rows[row] = keyed.into_iter().map(|(_, v)| v).collect();
                for (i, &v) in self.rows[row].iter().enumerate() {
                    place[v] = i as f64;
                }
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
    }

    /// Each vertex's number in its row.
    fn ranks(&self) -> Vec<usize> {
        let mut rank = vec![0; self.widths.len()];
        for row in &self.rows {
            for (i, &v) in row.iter().enumerate() {
                rank[v] = i;
            }
        }
        rank
    }

    fn crossings(&self) -> usize {
        let rank = self.ranks();
        let mut count = 0;
        for row in &self.rows {
            let links: Vec<(usize, usize)> =
                row.iter().flat_map(|&v| self.below[v].iter().map(move |&u| (v, u))).collect();
            for (i, &(v, u)) in links.iter().enumerate() {
                count += links[..i].iter().filter(|&&(w, t)| w != v && rank[t] > rank[u]).count();
            }
        }
        count
    }

    /// Moves vertices towards the mean of their neighbours, never past each other.
    fn places(&self) -> Vec<f64> {
        let mut x = vec![0.0; self.widths.len()];
        for row in &self.rows {
            self.settle(row, &vec![0.0; row.len()], &mut x);
        }
        for sweep in 0..2 * SWEEPS {
            for i in 0..self.rows.len() {
                let row = if sweep % 2 == 1 { i } else { self.rows.len() - 1 - i };
                let wish = |&v: &usize| {
                    let links = self.below[v].iter().chain(&self.above[v]);
                    let (sum, n) = links.fold((0.0, 0.0), |(sum, n), &u| {
                        let pull = self.pull(u);
                        (sum + pull * x[u], n + pull)
                    });
                    if n == 0.0 { x[v] } else { sum / n }
                };
                let wishes: Vec<f64> = self.rows[row].iter().map(wish).collect();
                self.settle(&self.rows[row], &wishes, &mut x);
            }
        }
        x
    }

    /// How strongly a vertex draws its neighbours and keeps its own wish. What comes from outside, such as a weight, hardly does: it
    /// hangs beside the chain of ops that uses it and leaves the chain straight.
    fn pull(&self, v: usize) -> f64 {
        if self.below[v].is_empty() && self.above[v].len() < 2 { 0.01 } else { 1.0 }
    }

    /// The least squares solution of "each at its wish, in order, not overlapping": pooling adjacent violators.
    fn settle(&self, row: &[usize], wishes: &[f64], x: &mut [f64]) {
        // Without the room that neighbours need, the wishes only have to grow.
        let mut room = vec![0.0; row.len()];
        for i in 1..row.len() {
            room[i] = room[i - 1] + (self.widths[row[i - 1]] + self.widths[row[i]]) / 2.0 + GAP;
        }
        let mut pools: Vec<(f64, f64, usize)> = vec![]; // (sum of weighted wishes, of weights, how many)
        for ((wish, room), &v) in wishes.iter().zip(&room).zip(row) {
            let weight = self.pull(v);
            pools.push((weight * (wish - room), weight, 1));
            while let [.., (a, v, m), (b, w, n)] = pools[..] {
                if a / v <= b / w {
                    break;
                }
                pools.truncate(pools.len() - 2);
                pools.push((a + b, v + w, m + n));
            }
        }
        let mut i = 0;
        for (sum, weight, n) in pools {
            for _ in 0..n {
                x[row[i]] = sum / weight + room[i];
                i += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::layout;

    /// x → op → op → …, each op with a weight of its own: the ops lie one above the other, the weights beside them.
    #[test]
    fn a_chain_is_straight() {
        const OPS: usize = 12;
        // Box 0 is x, 2i + 1 the weight of op i, 2i + 2 the op.
        let op = |i: usize| 2 * i + 2;
        let before = |i: usize| if i == 0 { 0 } else { op(i - 1) };
        let arrows: Vec<_> =
            (0..OPS).flat_map(|i| [(before(i), op(i)), (op(i) - 1, op(i))]).collect();
        let widths: Vec<f64> = (0..=2 * OPS).map(|v| 80.0 + (v * 7 % 5) as f64 * 10.0).collect();
        let found = layout(&widths, &arrows);
        let ops: Vec<f64> = (0..OPS).map(|i| found.x[op(i)]).collect();
        let (left, right) = ops.iter().fold((f64::MAX, 0f64), |(l, r), &x| (l.min(x), r.max(x)));
        assert!(right - left < 40.0, "{ops:?}");
        assert!(found.width < 400.0, "{}", found.width);
    }
}
