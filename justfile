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

# The contract of every port on every adapter: cases, and how many of them passed on memory, SQLite and DynamoDB
contract *words:
    python3 tests/contract/table.py {{words}}

# A hundred kills and a hundred power cuts under load, and every other fault beneath the program
faults *arguments:
    LEDGER_FAULTS=full cargo test -p cli --test faults -- --nocapture {{arguments}}

# Kill an import fifty times, behind a proxy that turns commands away and loses answers
imports *arguments:
    LEDGER_IMPORTS=full cargo test -p cli --test whole import::killed -- --nocapture {{arguments}}

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

# Measure what the system does in a given time, and the peer on PostgreSQL beside it; `just bench commands --rounds 1` for a first look, `just bench starting 1000000` for a large ledger
bench *arguments:
    tests/bench/measure {{arguments}}

# Measure what an append and a load cost here and in other event stores (needs Node.js)
bench-peers:
    tests/bench/run

# Draw docs/benchmarks/NAME.svg from tests/bench/results/NAME.json
plots:
    cd tests/bench && cargo run --locked -p plots

# Plant known faults in the code, one after the other, and demand that a test finds each
planted-bugs *names:
    python3 tests/planted_bugs.py {{names}}

# Size, start, memory and processor time of the functions in a folder beside a Python one's, into BENCHMARKS.md
measure-functions folder *arguments:
    cargo build -p loopback --example surroundings
    python3 tests/start/measure.py {{folder}} --write {{arguments}}

# Check the CDK app: lint, tests, both stages, cfn-lint (pip install -r .ci/requirements.txt)
infra:
    .ci/infra

# Compute the tables of docs/costs.md and docs/growth.md again, from infra/costs
costs:
    npm --prefix infra run --silent costs

# Build the documents as a book into target/book/html and check its links (pip install -r .ci/requirements.txt)
book:
    .ci/book

# Build the functions for arm64 and deploy a stage with the AWS credentials of the environment
deploy stage="dev" *arguments:
    .ci/functions arm64
    npm --prefix infra ci --ignore-scripts --no-audit --no-fund
    cd infra && npx cdk deploy -c stage={{stage}} {{arguments}}

# Build the functions, deploy them on an emulator and run the scenario against it (after `npm ci` in infra/)
cloud:
    .ci/cloud
