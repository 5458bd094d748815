//! A small PNG encoder for flat charts.
//!
//! plotters encodes PNG only into a file of its own, which it leaves behind blank
//! when drawing fails; charts are finished in memory before any file is touched.
//! Rows are filtered against the row above, which turns a chart into long runs of
//! zeros, and compressed with one fixed-code deflate block.

/// Encodes `rgb` (three bytes a pixel, rows from top to bottom) as a PNG file.
pub(super) fn encode(width: usize, height: usize, rgb: &[u8]) -> Vec<u8> {
    debug_assert_eq!(rgb.len(), width * height * 3);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend((width as u32).to_be_bytes());
    header.extend((height as u32).to_be_bytes());
    // Eight bits a sample, truecolour, deflate, adaptive filters, not interlaced.
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"IDAT", &zlib(&filtered_up(width * 3, rgb)));
    chunk(&mut file, b"IEND", &[]);
    file
}

/// Each row as its difference from the row above (PNG filter type 2).
fn filtered_up(stride: usize, rgb: &[u8]) -> Vec<u8> {
    let mut above = vec![0; stride];
    let mut out = Vec::with_capacity(rgb.len() + rgb.len() / stride.max(1));
    for row in rgb.chunks_exact(stride) {
        out.push(2);
        out.extend(
            row.iter()
                .zip(&above)
                .map(|(now, up)| now.wrapping_sub(*up)),
        );
        above.copy_from_slice(row);
    }
    out
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(kind);
    file.extend(data);
    let check = crc32(&file[start..]);
    file.extend(check.to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| {
            (c >> 1) ^ (0xedb8_8320 & (c & 1).wrapping_neg())
        })
    })
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    b << 16 | a
}

fn zlib(data: &[u8]) -> Vec<u8> {
    // 32 KiB window, no dictionary.
    let mut bits = Bits::after(vec![0x78, 0x01]);
    deflate(data, &mut bits);
    let mut out = bits.finish();
    out.extend(adler32(data).to_be_bytes());
    out
}

const WINDOW: usize = 32_768;
const SHORTEST: usize = 3;
const LONGEST: usize = 258;
const END_OF_BLOCK: u32 = 256;

/// One final block with the fixed codes of RFC 1951; each match is the latest
/// place where the same three bytes began.
fn deflate(data: &[u8], bits: &mut Bits) {
    bits.push(0b011, 3);
    let mut latest = vec![usize::MAX; 1 << 15];
    let mut at = 0;
    while at < data.len() {
        let (length, distance) = best_match(data, at, &latest);
        let step = if length >= SHORTEST {
            push_match(bits, length, distance);
            length
        } else {
            push_symbol(bits, u32::from(data[at]));
            1
        };
        for seen in at..at + step {
            if let Some(slot) = slot(data, seen) {
                latest[slot] = seen;
            }
        }
        at += step;
    }
    push_symbol(bits, END_OF_BLOCK);
}

fn slot(data: &[u8], at: usize) -> Option<usize> {
    let three = data.get(at..at + SHORTEST)?;
    let key = u32::from_le_bytes([three[0], three[1], three[2], 0]);
    Some((key.wrapping_mul(0x9e37_79b1) >> 17) as usize)
}

fn best_match(data: &[u8], at: usize, latest: &[usize]) -> (usize, usize) {
    let Some(from) = slot(data, at).map(|slot| latest[slot]) else {
        return (0, 0);
    };
    if from == usize::MAX || at - from > WINDOW {
        return (0, 0);
    }
    let limit = LONGEST.min(data.len() - at);
    let same = |i: &usize| data[from + i] == data[at + i];
    ((0..limit).take_while(same).count(), at - from)
}

/// Bits accumulated from the least significant end of each byte.
struct Bits {
    out: Vec<u8>,
    held: u64,
    count: u32,
}

impl Bits {
    fn after(out: Vec<u8>) -> Self {
        Bits {
            out,
            held: 0,
            count: 0,
        }
    }

    fn push(&mut self, value: u32, width: u32) {
        self.held |= u64::from(value) << self.count;
        self.count += width;
        while self.count >= 8 {
            self.out.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// Huffman codes are sent most significant bit first.
    fn push_code(&mut self, code: u32, width: u32) {
        self.push(code.reverse_bits() >> (32 - width), width);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.out.push(self.held as u8);
        }
        self.out
    }
}

/// A literal, length or end symbol in the fixed code.
fn push_symbol(bits: &mut Bits, symbol: u32) {
    match symbol {
        0..=143 => bits.push_code(0x30 + symbol, 8),
        144..=255 => bits.push_code(0x190 + symbol - 144, 9),
        256..=279 => bits.push_code(symbol - 256, 7),
        _ => bits.push_code(0xc0 + symbol - 280, 8),
    }
}

fn push_match(bits: &mut Bits, length: usize, distance: usize) {
    if length == LONGEST {
        push_symbol(bits, 285);
    } else {
        let (code, extra, width) = bucket(length as u32 - 3, 4);
        push_symbol(bits, 257 + code);
        bits.push(extra, width);
    }
    let (code, extra, width) = bucket(distance as u32 - 1, 2);
    bits.push_code(code, 5);
    bits.push(extra, width);
}

/// Code, extra bits and their number for a value in deflate's geometric buckets,
/// of which there are `per_doubling` to each power of two.
fn bucket(value: u32, per_doubling: u32) -> (u32, u32, u32) {
    if value < 2 * per_doubling {
        return (value, 0, 0);
    }
    let keep = per_doubling.ilog2();
    let width = value.ilog2() - keep;
    let code = (width + 1) * per_doubling + (value >> width) - per_doubling;
    (code, value & ((1 << width) - 1), width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_match_published_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn buckets_match_the_tables_of_rfc_1951() {
        // Length 10 is code 264, 11 and 12 are 265, 115 is 280 + 0, 257 is 284 + 30.
        assert_eq!(bucket(10 - 3, 4), (7, 0, 0));
        assert_eq!(bucket(12 - 3, 4), (8, 1, 1));
        assert_eq!(bucket(115 - 3, 4), (23, 0, 4));
        assert_eq!(bucket(257 - 3, 4), (27, 30, 5));
        // Distance 4 is code 3, 5 is 4 + 0, 24577 is 29 + 0, 32768 is 29 + 8191.
        assert_eq!(bucket(4 - 1, 2), (3, 0, 0));
        assert_eq!(bucket(5 - 1, 2), (4, 0, 1));
        assert_eq!(bucket(24_577 - 1, 2), (29, 0, 13));
        assert_eq!(bucket(32_768 - 1, 2), (29, 8191, 13));
    }

    /// Enough of an inflater to read one fixed-code block back.
    struct Inflater<'a> {
        bytes: &'a [u8],
        at: usize,
    }

    impl Inflater<'_> {
        fn bit(&mut self) -> u32 {
            let bit = self.bytes[self.at / 8] >> (self.at % 8) & 1;
            self.at += 1;
            u32::from(bit)
        }

        fn symbol(&mut self) -> u32 {
            let (mut code, mut width) = (0, 0);
            loop {
                code = code << 1 | self.bit();
                width += 1;
                match (width, code) {
                    (7, 0..=0x17) => return code + 256,
                    (8, 0x30..=0xbf) => return code - 0x30,
                    (8, 0xc0..=0xc7) => return code - 0xc0 + 280,
                    (9, 0x190..=0x1ff) => return code - 0x190 + 144,
                    _ => assert!(width < 9, "no such code"),
                }
            }
        }

        fn value(&mut self, code: u32, per_doubling: u32) -> usize {
            let width = (code / per_doubling).saturating_sub(1);
            let base = match width {
                0 => code,
                _ => (code % per_doubling + per_doubling) << width,
            };
            (base + (0..width).map(|i| self.bit() << i).sum::<u32>()) as usize
        }

        fn block(mut self) -> Vec<u8> {
            let mut out = Vec::new();
            assert_eq!((self.bit(), self.bit(), self.bit()), (1, 1, 0));
            loop {
                let symbol = self.symbol();
                let length = match symbol {
                    0..=255 => {
                        out.push(symbol as u8);
                        continue;
                    }
                    256 => return out,
                    285 => 258,
                    _ => self.value(symbol - 257, 4) + 3,
                };
                let code = (0..5).fold(0, |code, _| code << 1 | self.bit());
                let distance = self.value(code, 2) + 1;
                for _ in 0..length {
                    out.push(out[out.len() - distance]);
                }
            }
        }
    }

    #[test]
    fn what_is_compressed_can_be_read_back() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let mut data: Vec<u8> = (0..5_000).map(|_| noise()).collect();
        data.extend(vec![0; 40_000]);
        data.extend_from_within(20..4_000);
        for part in [&data[..], &data[..1], &data[..0]] {
            let packed = zlib(part);
            let bytes = &packed[2..];
            assert_eq!(Inflater { bytes, at: 0 }.block(), part);
            let check = packed[packed.len() - 4..].try_into().unwrap();
            assert_eq!(u32::from_be_bytes(check), adler32(part));
        }
    }

    #[test]
    fn a_blank_page_is_small() {
        let file = encode(1200, 700, &vec![255; 1200 * 700 * 3]);
        assert!(file.len() < 20_000, "{} bytes", file.len());
    }
}
