//! What a history needs before a model sees it: counters lose their resets, outliers are capped, a level shift is found.
//!
//! Each step leaves a series alone unless the sign is clear: a model copes with a little dirt better than with a history
//! that was cleaned of what belongs to it. All take time and memory in proportion to the length.

mod counter;
mod outlier;
mod running_median;
mod shift;

pub use counter::{increments, is_counter, without_resets};
pub use outlier::{Capped, cap_outliers};
pub use shift::{Shift, level_shift};

/// The factor that makes the median absolute deviation of normal noise its standard deviation.
const MAD_TO_DEVIATION: f64 = 1.4826;

/// The median of the finite values (the upper one of two middle ones), whose order is lost; 0 without any.
fn median(values: &mut Vec<f64>) -> f64 {
    values.retain(|value| value.is_finite());
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}
