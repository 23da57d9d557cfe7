//! From SVG to PNG.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, fontdb};
use std::sync::{Arc, LazyLock};

/// Pixels for each unit of the SVG.
const SCALE: f32 = 2.0;

/// The only font: what a machine has installed does not matter.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../font/Roboto-Regular.ttf").to_vec());
    Arc::new(fonts)
});

/// Why there is no PNG.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// the text is no SVG
    #[error("the drawing cannot be read: {0}")]
    Svg(#[from] usvg::Error),
    /// it has no size, or too much
    #[error("the drawing has no size that could be painted")]
    Size,
    /// the pixels could not be packed
    #[error("the picture cannot be packed: {0}")]
    Png(String),
}

/// The PNG of an SVG, with two pixels for each of its units.
///
/// # Errors
/// If the text is no SVG, or too large.
pub fn png(svg: &str) -> Result<Vec<u8>, Error> {
    let options = usvg::Options {
        fontdb: Arc::clone(&FONTS),
        font_family: "Roboto".into(),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options)?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or(Error::Size)?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or(Error::Size)?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| Error::Png(error.to_string()))
}
