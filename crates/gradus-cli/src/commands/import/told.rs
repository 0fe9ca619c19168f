//! What a file of Gradus says of the model in it, which weights do not tell: a checkpoint, or an exported ONNX model.

use super::Args;
use crate::description::Description;
use crate::error::{CliError, Result};
use crate::model_file;

/// What a checkpoint says.
///
/// # Errors
/// When it holds another network: its weights may fit and yet mean something else.
pub fn of_checkpoint(args: &Args) -> Result<Option<Description>> {
    let file = gradus::io::Checkpoint::load(&args.file)?;
    let Some(own) = model_file::described(&file, &args.file)? else { return Ok(None) };
    asked_for(args, own)
}

/// What the properties of an ONNX model say; nothing of one that another program wrote.
///
/// # Errors
/// When they cannot be read, or say that it is another network.
pub fn of_properties(args: &Args, properties: &[(String, String)]) -> Result<Option<Description>> {
    let Some(own) = model_file::exported(properties, &args.file)? else { return Ok(None) };
    asked_for(args, own)
}

/// The description, if it is of the network that is asked for.
fn asked_for(args: &Args, own: Description) -> Result<Option<Description>> {
    let is_asked_for = own.architecture.strip_suffix("_keras").unwrap_or(&own.architecture)
        == args.model
        || own.architecture == args.model;
    match (is_asked_for, args.partial) {
        (true, _) => Ok(Some(own)),
        (false, true) => Ok(None),
        (false, false) => {
            let what = format!("{} holds the network {}", args.file.display(), own.architecture);
            Err(CliError::Usage(format!("--model {}: {what}", args.model)))
        }
    }
}

/// What the file itself says, so that nobody has to state or prove it.
pub fn line(own: &Description) -> String {
    let (noun, targets) = (own.noun(), &own.aim().targets);
    let what = match targets.is_empty() {
        true => match own.classes.len() {
            1 => "its class".to_owned(),
            n => format!("its {n} classes"),
        },
        false => format!("the units of {}", targets.join(", ")),
    };
    format!("the file says itself: {what}, and how {noun}s are prepared")
}
