# Recipes for people; `just` lists them.

_default:
    @just --list

# Serve the whole system on ./ledger-data
serve *arguments:
    cargo run -- serve {{arguments}}

# Everything CI runs
check:
    .ci/run

# Format and lint
tidy:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# Run the tests
test *arguments:
    cargo test {{arguments}}

# Fuzz one target of fuzz/, or all: ten minutes each unless told otherwise
fuzz target="all" seconds="600":
    fuzz/run {{target}} {{seconds}}

# A minute of mixed load with more clients than places: statuses, latencies, memory
load:
    cargo test -p cli --test whole a_minute_of_mixed_load -- --ignored --nocapture

# Let schemathesis attack a server of its own (pip install -r .ci/requirements.txt)
attack *arguments:
    tests/schemathesis/run {{arguments}}

# Take over what is generated: JSON Schemas, OpenAPI, samples of new event versions, the output the documents show
accept:
    LEDGER_ACCEPT=1 cargo test -p schema --test contract --no-fail-fast
    LEDGER_ACCEPT=1 cargo test -p event-store --test journal frozen
    LEDGER_ACCEPT=1 cargo test -p cli --test whole openapi
    LEDGER_ACCEPT=1 cargo test -p cli --test whole tours

# Measure what the system does in a given time, beside the engine alone; `just bench starting 1000000` for a large ledger
bench *arguments:
    cargo bench -p cli --bench scale -- {{arguments}}

# Measure what an append and a load cost here and in other event stores (needs Node.js)
bench-peers:
    tests/bench/run

# Draw docs/benchmarks/NAME.svg from tests/bench/results/NAME.json
plots:
    cd tests/bench && cargo run --locked -p plots

# Plant known faults in the code, one after the other, and demand that a test finds each
planted-bugs *names:
    python3 tests/planted_bugs.py {{names}}
