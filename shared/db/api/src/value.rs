/// A value of SQLite, as an argument or in a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL
    Null,
    /// INTEGER
    Integer(i64),
    /// REAL; finite only (Hrana has no text for the others): the backends refuse NaN and infinities as
    /// arguments and give NULL where a result is infinite
    Real(f64),
    /// TEXT; without NUL, which the backends refuse
    Text(String),
    /// BLOB
    Blob(Vec<u8>),
}

macro_rules! from {
    ($($type:ty => $variant:ident),*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}
from!(i64 => Integer, i32 => Integer, u32 => Integer, bool => Integer, f64 => Real, String => Text, &str => Text, &String => Text, Vec<u8> => Blob, &[u8] => Blob);

/// A count or a limit; none that a database holds is larger than an `i64`.
impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Builds the arguments of a step: `args![org_id, 3, blob]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::Value::from($value)),*] };
}
