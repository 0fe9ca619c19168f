//! The user's own points: added, moved, relabelled and erased one by one.

use super::data::{EDGE, MOST_OWN};
use super::messages::{Command, Point};
use super::settings::{Problem, Settings};

/// Does with points what a command says.
///
/// # Errors
/// A point that there is not, a coordinate or label that a point cannot have, too many points.
pub(super) fn edit(
    own: &mut Vec<Point>,
    command: &Command,
    settings: &Settings,
) -> Result<(), String> {
    match command {
        Command::AddPoint { point, .. } => {
            if own.len() >= MOST_OWN {
                return Err(format!("there are {MOST_OWN} points already, the most there may be"));
            }
            let (x, y) = (within(point.x)?, within(point.y)?);
            let label = label_of(point.label, settings)?;
            own.push(Point { x, y, label, is_test: point.is_test });
        }
        Command::MovePoint { index, x, y, .. } => {
            let (x, y) = (within(*x)?, within(*y)?);
            let point = point_at(own, *index)?;
            (point.x, point.y) = (x, y);
        }
        Command::LabelPoint { index, label, .. } => {
            point_at(own, *index)?.label = label_of(*label, settings)?;
        }
        Command::ErasePoint { index, .. } => {
            point_at(own, *index)?;
            own.remove(*index as usize);
        }
        Command::ErasePoints { .. } => own.clear(),
        _ => return Err("this command changes no point".into()),
    }
    Ok(())
}

/// A coordinate, drawn into the square.
fn within(at: f64) -> Result<f64, String> {
    if at.is_nan() {
        return Err("a point's coordinate is no number".into());
    }
    Ok(at.clamp(-EDGE, EDGE))
}

fn point_at(own: &mut [Point], index: u32) -> Result<&mut Point, String> {
    let count = own.len();
    own.get_mut(index as usize)
        .ok_or_else(|| format!("there is no point {index}: there are {count}"))
}

/// A label that the settings can have.
///
/// # Errors
/// What is expected.
pub(super) fn label_of(label: f64, settings: &Settings) -> Result<f64, String> {
    match (settings.problem, settings.classes) {
        (Problem::Regression, _) if label.is_finite() && label.abs() <= 1e6 => Ok(label),
        (Problem::Regression, _) => Err(format!("the label {label} is no number up to a million")),
        (_, 2) if label.abs() == 1.0 => Ok(label),
        (_, 2) => Err(format!("the label {label} is neither −1 nor 1")),
        (_, n) if label.fract() == 0.0 && (0.0..f64::from(n)).contains(&label) => Ok(label),
        (_, n) => Err(format!("the label {label} is no class from 0 to {}", n - 1)),
    }
}
