//! What every fuzz target does in an ordinary test run: its corpus, and some thousand inputs made
//! from it by a small generator that always makes the same ones.
//!
//! As libFuzzer programs, on stable Rust (the last flag lets the two binaries link that Cargo builds
//! along; they cannot run):
//!
//! ```sh
//! RUSTFLAGS='--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
//!   -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
//!   -Cllvm-args=-sanitizer-coverage-trace-compares -Clink-arg=-Wl,--warn-unresolved-symbols' \
//!   cargo test --target x86_64-unknown-linux-gnu --target-dir target/fuzz --test fuzz-values --no-run
//! ```

use std::path::{Path, PathBuf};

/// Mutated inputs per run; a few seconds in an unoptimized build.
const ROUNDS: usize = 4_000;
/// Longest input that is made.
const BYTES_MAX: usize = 4_096;

/// Runs `check` over `tests/fuzz/corpus/NAME` and over inputs derived from it and from `words`.
pub(crate) fn run(name: &str, words: &[&str], check: impl Fn(&[u8])) {
    let seeds = corpus(name);
    assert!(!seeds.is_empty(), "tests/fuzz/corpus/{name} is empty");
    for seed in &seeds {
        check(seed);
        seed.split(|b| *b == b'\n').for_each(&check);
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for round in 0..ROUNDS {
        let mut input = seeds[round % seeds.len()].clone();
        if input.len() > 64 && dice.below(3) == 0 {
            let lines: Vec<&[u8]> = input.split(|b| *b == b'\n').collect();
            input = lines[dice.below(lines.len())].to_vec();
        }
        for _ in 0..=dice.below(6) {
            mutate(&mut input, &seeds, words, &mut dice);
        }
        input.truncate(BYTES_MAX);
        check(&input);
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry of the corpus").path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("a file of the corpus")).collect()
}

fn mutate(input: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[&str], dice: &mut Dice) {
    let at = dice.below(input.len() + 1);
    let end = (at + dice.below(16)).min(input.len());
    match dice.below(7) {
        0 if at < input.len() => input[at] = dice.below(256) as u8,
        1 if at < input.len() => input[at] ^= 1 << dice.below(8),
        2 => drop(input.drain(at..end)),
        3 => drop(input.splice(at..at, words[dice.below(words.len())].bytes())),
        4 => drop(input.splice(at..end, words[dice.below(words.len())].bytes())),
        5 => {
            let copy = input[at..end].to_vec();
            let to = dice.below(input.len() + 1);
            drop(input.splice(to..to, copy));
        }
        _ => {
            let other = &seeds[dice.below(seeds.len())];
            let from = dice.below(other.len() + 1);
            let until = (from + dice.below(32)).min(other.len());
            drop(input.splice(at..at, other[from..until].iter().copied()));
        }
    }
}

/// Xorshift: plain, small, always the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
