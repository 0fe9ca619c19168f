//! Floats as JSON has them: JSON knows neither NaN nor infinity, so those are words. For `#[serde(with = "crate::number")]`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, VecDeque};

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

impl<T: Floats> Floats for Option<T> {
    type Written = Option<T::Written>;
    fn written(&self) -> Self::Written {
        self.as_ref().map(T::written)
    }
    fn read(written: Self::Written) -> Option<T> {
        written.map(T::read)
    }
}

impl<T: Floats> Floats for Vec<T> {
    type Written = Vec<T::Written>;
    fn written(&self) -> Self::Written {
        self.iter().map(T::written).collect()
    }
    fn read(written: Self::Written) -> Vec<T> {
        written.into_iter().map(T::read).collect()
    }
}

impl<T: Floats> Floats for VecDeque<T> {
    type Written = Vec<T::Written>;
    fn written(&self) -> Self::Written {
        self.iter().map(T::written).collect()
    }
    fn read(written: Self::Written) -> VecDeque<T> {
        written.into_iter().map(T::read).collect()
    }
}

/// A sum and its count.
impl<T: Floats> Floats for (T, usize) {
    type Written = (T::Written, usize);
    fn written(&self) -> Self::Written {
        (self.0.written(), self.1)
    }
    fn read((sum, count): Self::Written) -> (T, usize) {
        (T::read(sum), count)
    }
}

impl<T: Floats> Floats for BTreeMap<String, T> {
    type Written = BTreeMap<String, T::Written>;
    fn written(&self) -> Self::Written {
        self.iter().map(|(name, x)| (name.clone(), x.written())).collect()
    }
    fn read(written: Self::Written) -> BTreeMap<String, T> {
        written.into_iter().map(|(name, x)| (name, T::read(x))).collect()
    }
}
