//! From SVG to PNG.

use resvg::tiny_skia::{Pixmap, PremultipliedColorU8, Transform};
use resvg::usvg::{self, fontdb};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::iter::repeat_n;
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
    pack(&pixels).map_err(|error| Error::Png(error.to_string()))
}

/// A drawing has few colours: with a palette its PNG has half the bytes. The rarest, of the edges of
/// letters, become the nearest that has a place.
fn pack(pixels: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    // most neighbours are alike
    let runs = || {
        pixels
            .pixels()
            .chunk_by(|a, b| a == b)
            .map(|run| (colour(run[0]), run.len()))
    };
    let mut counts: HashMap<[u8; 3], usize> = HashMap::new();
    for (colour, length) in runs() {
        *counts.entry(colour).or_default() += length;
    }
    let mut colours: Vec<_> = counts.into_iter().collect();
    colours.sort_unstable_by_key(|(colour, count)| (Reverse(*count), *colour));
    let palette: Vec<[u8; 3]> = colours.iter().take(256).map(|(colour, _)| *colour).collect();
    let places: HashMap<[u8; 3], u8> = colours
        .iter()
        .map(|(colour, _)| (*colour, nearest(&palette, *colour)))
        .collect();
    let indices: Vec<u8> = runs()
        .flat_map(|(colour, length)| repeat_n(places[&colour], length))
        .collect();

    let mut packed = Vec::new();
    let mut encoder = png::Encoder::new(&mut packed, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    // filters are for shades, not for places in a palette
    encoder.set_filter(png::Filter::NoFilter);
    encoder.set_deflate_compression(png::DeflateCompression::Level(7));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&indices)?;
    writer.finish()?;
    Ok(packed)
}

fn colour(pixel: PremultipliedColorU8) -> [u8; 3] {
    [pixel.red(), pixel.green(), pixel.blue()]
}

/// The place of the colour in the palette that is most like it.
fn nearest(palette: &[[u8; 3]], colour: [u8; 3]) -> u8 {
    let distance = |other: &[u8; 3]| -> u32 {
        let parts = other.iter().zip(colour);
        parts.map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let places = (0..=u8::MAX).zip(palette);
    places
        .min_by_key(|(_, other)| distance(other))
        .map_or(0, |(place, _)| place)
}
