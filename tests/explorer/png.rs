//! Pictures as PNG: read as a browser writes them, and written small, with a palette of at most 256 colours.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// By how much a part of a colour may differ, so that a pixel counts as the same: what a palette rounds stays below it.
const NEAR: u8 = 16;

/// A picture, row by row.
#[derive(Clone)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// Reads a picture of 8 bits without interlacing: colours, colours with an alpha, or a palette.
    pub fn read(png: &[u8]) -> Self {
        let (mut head, mut palette, mut packed) = (Vec::new(), Vec::new(), Vec::new());
        let mut rest = &png[8..];
        while rest.len() >= 12 {
            let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            let (kind, data) = (&rest[4..8], &rest[8..8 + size]);
            match kind {
                b"IHDR" => head = data.to_vec(),
                b"PLTE" => palette = data.to_vec(),
                b"IDAT" => packed.extend_from_slice(data),
                _ => {}
            }
            rest = &rest[12 + size..];
        }
        let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap()) as usize;
        let (width, height) = (number(0), number(4));
        assert_eq!((head[8], head[12]), (8, 0), "8 bits, not interlaced");
        let step = match head[9] {
            2 => 3,
            3 => 1,
            6 => 4,
            other => panic!("pictures of kind {other} are not read"),
        };
        let mut bytes = Vec::new();
        ZlibDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
        let plain = unfiltered(&bytes, width * step, step);
        let colour = |pixel: &[u8]| match step {
            1 => {
                let at = usize::from(pixel[0]) * 3;
                [palette[at], palette[at + 1], palette[at + 2]]
            }
            _ => [pixel[0], pixel[1], pixel[2]],
        };
        let pixels: Vec<_> = plain.chunks(step).map(colour).collect();
        assert_eq!(pixels.len(), width * height);
        Self { width, height, pixels }
    }

    /// The picture in at most 256 colours: the most frequent ones as they are, the others as coarse as they have to be.
    pub fn written(&self) -> Vec<u8> {
        let (palette, places) = self.reduced();
        let mut rows = Vec::with_capacity(self.pixels.len() + self.height);
        for row in places.chunks(self.width) {
            rows.push(0);
            rows.extend_from_slice(row);
        }
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&rows).unwrap();
        let size = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
        let head = [&size(self.width)[..], &size(self.height)[..], &[8, 3, 0, 0, 0]].concat();
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, data) in [
            (b"IHDR", head),
            (b"PLTE", palette.concat()),
            (b"IDAT", packed.finish().unwrap()),
            (b"IEND", Vec::new()),
        ] {
            let named = [&kind[..], &data[..]].concat();
            let mut sum = flate2::Crc::new();
            sum.update(&named);
            png.extend_from_slice(&size(data.len()));
            png.extend_from_slice(&named);
            png.extend_from_slice(&sum.sum().to_be_bytes());
        }
        png
    }

    /// A palette, and the place of each pixel in it.
    fn reduced(&self) -> (Vec<[u8; 3]>, Vec<u8>) {
        let mut counts: HashMap<[u8; 3], usize> = HashMap::new();
        for pixel in &self.pixels {
            *counts.entry(*pixel).or_default() += 1;
        }
        let mut frequent: Vec<([u8; 3], usize)> =
            counts.iter().map(|(colour, count)| (*colour, *count)).collect();
        frequent.sort_by_key(|(colour, count)| (std::cmp::Reverse(*count), *colour));
        let exact: HashSet<[u8; 3]> = frequent.iter().take(64).map(|(colour, _)| *colour).collect();
        let coarse = |colour: [u8; 3], bits: u32| {
            let half = if bits == 0 { 0 } else { 1 << (bits - 1) };
            if exact.contains(&colour) { colour } else { colour.map(|part| (part >> bits << bits) | half) }
        };
        let palette_of = |bits: u32| -> BTreeSet<[u8; 3]> {
            exact.iter().copied().chain(counts.keys().map(|colour| coarse(*colour, bits))).collect()
        };
        let bits = (0..7).find(|bits| palette_of(*bits).len() <= 256).unwrap();
        let palette: Vec<[u8; 3]> = palette_of(bits).into_iter().collect();
        let place_of: HashMap<[u8; 3], u8> = palette.iter().copied().zip(0..=255).collect();
        let places = self.pixels.iter().map(|pixel| place_of[&coarse(*pixel, bits)]).collect();
        (palette, places)
    }

    /// The share of the pixels that differ; all of them if the sizes do.
    pub fn difference(&self, other: &Self) -> f64 {
        if (self.width, self.height) != (other.width, other.height) {
            return 1.0;
        }
        let differs =
            |(a, b): &(&[u8; 3], &[u8; 3])| a.iter().zip(b.iter()).any(|(a, b)| a.abs_diff(*b) > NEAR);
        let count = self.pixels.iter().zip(&other.pixels).filter(differs).count();
        f64::from(u32::try_from(count).unwrap()) / f64::from(u32::try_from(self.pixels.len()).unwrap())
    }
}

/// Takes back what each row of a PNG was filtered by.
fn unfiltered(bytes: &[u8], width: usize, step: usize) -> Vec<u8> {
    let mut plain: Vec<u8> = Vec::with_capacity(bytes.len());
    for row in bytes.chunks(width + 1) {
        let start = plain.len();
        for (at, byte) in row[1..].iter().enumerate() {
            let left = if at < step { 0 } else { plain[start + at - step] };
            let above = if start == 0 { 0 } else { plain[start + at - width] };
            let corner = if start == 0 || at < step { 0 } else { plain[start + at - width - step] };
            let guess = match row[0] {
                0 => 0,
                1 => left,
                2 => above,
                3 => u8::midpoint(left, above),
                4 => paeth(left, above, corner),
                other => panic!("there is no filter {other}"),
            };
            plain.push(byte.wrapping_add(guess));
        }
    }
    plain
}

fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(above) - i16::from(corner);
    let distance = |value: u8| (estimate - i16::from(value)).abs();
    if distance(left) <= distance(above) && distance(left) <= distance(corner) {
        left
    } else if distance(above) <= distance(corner) {
        above
    } else {
        corner
    }
}
