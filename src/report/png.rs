//! A picture as pixels: the SVG file, drawn with a font that the program brings along, so that it looks the same
//! anywhere.

use crate::error::{Error, Result};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Subsets of Inter (SIL Open Font License, `font/LICENSE.txt`): Latin, Greek and mathematical signs.
const FONTS: [&[u8]; 2] =
    [include_bytes!("font/ReportSans-Regular.otf"), include_bytes!("font/ReportSans-SemiBold.otf")];
const FAMILY: &str = "Report Sans";

/// Pixels for each pixel of the drawing: sharp in print and on dense screens.
const SCALE: f32 = 2.0;

/// Draws an SVG file.
///
/// # Errors
/// An internal error: the SVG is our own.
pub(super) fn draw(svg: &str) -> Result<Vec<u8>> {
    let defect = |what: String| Error::internal(format!("the picture cannot be drawn: {what}"));
    let mut options = Options { font_family: FAMILY.into(), ..Options::default() };
    FONTS.iter().for_each(|font| options.fontdb_mut().load_font_data(font.to_vec()));
    options.fontdb_mut().set_sans_serif_family(FAMILY);
    let tree = Tree::from_str(svg, &options).map_err(|cause| defect(cause.to_string()))?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or_else(|| defect("it has no size".into()))?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or_else(|| defect("it is too large".into()))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|cause| defect(cause.to_string()))
}
