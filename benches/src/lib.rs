//! What the README's figures come from. `cargo bench --workspace --bench rooms`
//! times decode, commit, rollup and fit with criterion; `--bench end_to_end`
//! runs the built demo and prints its figures with the machine.
