//! Mutations of seeds. An input follows from seed number, target and execution alone, so that it can be made again.

/// Random numbers (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    /// Returns the numbers of one execution of a target.
    pub(crate) fn new(seed: u64, target: &str, execution: u64) -> Self {
        // FNV-1a.
        let hash = target
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut random = Self(seed ^ hash.rotate_left(17));
        random.0 = random.next() ^ execution.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `end`; 0 where that is 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % (end.max(1) as u64)) as usize
    }
}

/// Bytes and numbers at the limits of something.
const BYTES: &[u8] = b"\0\x01\t\n\r \"'\\/[]{}<>,:;-+.=0\x7f\x80\xc3\xed\xef\xf4\xff";
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "1",
    "00",
    "1.5",
    "1e5",
    "1e999",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967295",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e-400",
    "1048577",
    "16385",
];

/// Returns the input of one execution: a seed after a few mutations.
pub(crate) fn input(random: &mut Random, seeds: &[Vec<u8>], words: &[Vec<u8>], max: usize) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        mutate(&mut data, random, seeds, words);
    }
    data.truncate(max);
    data
}

fn mutate(data: &mut Vec<u8>, random: &mut Random, seeds: &[Vec<u8>], words: &[Vec<u8>]) {
    let at = random.below(data.len() + 1);
    let len = [1, 1 + random.below(8), 1 + random.below(64), 1 + random.below(data.len() + 1)][random.below(4)];
    let end = data.len().min(at + len);
    match random.below(12) {
        // Flip a bit.
        0 if at < data.len() => data[at] ^= 1 << random.below(8),
        // Replace or insert a byte.
        1 if at < data.len() => data[at] = BYTES[random.below(BYTES.len())],
        2 => data.insert(at, BYTES[random.below(BYTES.len())]),
        // Insert a word, or put one in the place of some text.
        3 | 4 if !words.is_empty() => drop(data.splice(at..at, words[random.below(words.len())].iter().copied())),
        5 if !words.is_empty() => drop(data.splice(at..end, words[random.below(words.len())].iter().copied())),
        // Remove, repeat or move a part.
        6 => drop(data.drain(at..end)),
        7 => {
            let part = data[at..end].to_vec();
            for _ in 0..=random.below(3) {
                data.splice(at..at, part.iter().copied());
            }
        }
        8 => {
            let part: Vec<_> = data.drain(at..end).collect();
            let to = random.below(data.len() + 1);
            data.splice(to..to, part);
        }
        // Cut off.
        9 => data.truncate(at),
        // A part of another seed.
        10 => {
            let other = &seeds[random.below(seeds.len())];
            let start = random.below(other.len() + 1);
            let part = &other[start..other.len().min(start + len)];
            data.splice(at..end, part.iter().copied());
        }
        // Replace a number.
        _ => {
            let digits = |byte: &u8| byte.is_ascii_digit();
            let Some(start) = data[at..].iter().position(digits).map(|start| at + start) else { return };
            let end = start + data[start..].iter().take_while(|byte| digits(byte)).count();
            data.splice(start..end, NUMBERS[random.below(NUMBERS.len())].bytes());
        }
    }
}

/// Returns the words of a dictionary of libFuzzer: a line `"WORD"` each, with the escapes `\\`, `\"` and `\xAB`.
pub(crate) fn words(dictionary: &str) -> Vec<Vec<u8>> {
    let lines = dictionary.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let quoted = lines.filter_map(|line| line.split_once('"')?.1.strip_suffix('"'));
    quoted.map(unescaped).collect()
}

fn unescaped(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let [byte, after @ ..] = rest {
        let (byte, after) = match (byte, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let code = format!("{}{}", char::from(*high), char::from(*low));
                (u8::from_str_radix(&code, 16).expect("two hexadecimal digits"), after)
            }
            (b'\\', [escaped, after @ ..]) => (*escaped, after),
            _ => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}
