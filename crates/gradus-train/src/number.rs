//! Floats as JSON has them: JSON knows neither NaN nor infinity, so those are words. For `#[serde(with = "crate::number")]`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// Writes a float, or what holds floats.
pub(crate) fn serialize<T: Floats, S: Serializer>(x: &T, s: S) -> Result<S::Ok, S::Error> {
    x.written().serialize(s)
}

/// Reads what [`serialize`] wrote.
pub(crate) fn deserialize<'d, T: Floats, D: Deserializer<'d>>(d: D) -> Result<T, D::Error> {
    T::Written::deserialize(d).map(T::read)
}

/// What holds floats.
pub(crate) trait Floats {
    /// How it is written.
    type Written: Serialize + DeserializeOwned;
    fn written(&self) -> Self::Written;
    fn read(written: Self::Written) -> Self;
}

/// A number or, of those that are not finite, its name.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Number {
    Finite(f64),
    Named(Name),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Name {
    #[serde(rename = "NaN")]
    NaN,
    #[serde(rename = "Infinity")]
    Infinity,
    #[serde(rename = "-Infinity")]
    MinusInfinity,
}

impl Floats for f64 {
    type Written = Number;
    fn written(&self) -> Number {
        match *self {
            x if x.is_finite() => Number::Finite(x),
            x if x.is_nan() => Number::Named(Name::NaN),
            x if x > 0.0 => Number::Named(Name::Infinity),
            _ => Number::Named(Name::MinusInfinity),
        }
    }
    fn read(written: Number) -> f64 {
        match written {
            Number::Finite(x) => x,
            Number::Named(Name::NaN) => f64::NAN,
            Number::Named(Name::Infinity) => f64::INFINITY,
            Number::Named(Name::MinusInfinity) => f64::NEG_INFINITY,
        }
    }
}

impl Floats for Option<f64> {
    type Written = Option<Number>;
    fn written(&self) -> Option<Number> {
        self.map(|x| x.written())
    }
    fn read(written: Option<Number>) -> Option<f64> {
        written.map(f64::read)
    }
}

impl Floats for Vec<f64> {
    type Written = Vec<Number>;
    fn written(&self) -> Vec<Number> {
        self.iter().map(f64::written).collect()
    }
    fn read(written: Vec<Number>) -> Vec<f64> {
        written.into_iter().map(f64::read).collect()
    }
}

impl Floats for BTreeMap<String, f64> {
    type Written = BTreeMap<String, Number>;
    fn written(&self) -> BTreeMap<String, Number> {
        self.iter().map(|(name, x)| (name.clone(), x.written())).collect()
    }
    fn read(written: BTreeMap<String, Number>) -> BTreeMap<String, f64> {
        written.into_iter().map(|(name, x)| (name, f64::read(x))).collect()
    }
}
