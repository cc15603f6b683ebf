# Recipes for people; `just` lists them.

_default:
    @just --list

# Serve the whole system on ./ledger-data
serve *arguments:
    cargo run -- serve {{arguments}}

# Run all checks of CI
check:
    .ci/run

# Format and lint
tidy:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# Serve the explorer, built anew for each page, in front of a running ledger (after `npm ci --ignore-scripts` in explorer/)
explorer ledger="http://127.0.0.1:8080" port="8090":
    node explorer/dev.mjs {{ledger}} {{port}}

# Run the tests
test *arguments:
    cargo test {{arguments}}

# Run the contract of every port and count the cases that passed in memory, on SQLite and on DynamoDB
contract *words:
    python3 tests/contract/table.py {{words}}

# Run a hundred kills and a hundred power cuts under load, and all other injected faults
faults *arguments:
    LEDGER_FAULTS=full cargo test -p cli --test faults -- --nocapture {{arguments}}

# Kill the server a hundred times at each step of the writing of its log, before and after the step
log-kills *arguments:
    LEDGER_FAULTS=full cargo test -p cli --test faults log_steps -- --nocapture {{arguments}}

# Kill the commands that change a log before every change of a file that they make
log-command-kills *arguments:
    LEDGER_FAULTS=full cargo test -p cli --test faults log_commands -- --nocapture {{arguments}}

# Kill an import fifty times, behind a proxy that rejects commands and drops responses
imports *arguments:
    LEDGER_IMPORTS=full cargo test -p cli --test whole import::killed -- --nocapture {{arguments}}

# Mutation testing of the modules that .cargo/mutants.toml names, or of one shard of them: `just mutants --shard 0/8` (cargo install cargo-mutants)
mutants *arguments:
    cargo mutants --output target {{arguments}}

# Mutation testing of the committed lines that the branch changes, as in CI; `just mutants-changed COMMIT` compares with another commit
mutants-changed *base:
    .ci/mutants {{base}}

# Fuzz one target of fuzz/, or all: ten minutes each by default
fuzz target="all" seconds="600":
    fuzz/run {{target}} {{seconds}}

# Run a minute of mixed load with more clients than the limit of requests: statuses, latencies, memory
load:
    cargo test -p cli --test whole a_minute_of_mixed_load -- --ignored --nocapture

# Run schemathesis against a new server (pip install -r .ci/requirements.txt)
attack *arguments:
    tests/schemathesis/run {{arguments}}

# Generate clients with three generators and make a round trip with each (needs Node.js)
clients *program:
    .ci/clients {{program}}

# Build the explorer into explorer/dist (after `npm ci --ignore-scripts` in explorer/)
explorer-build:
    node explorer/build.mjs

# Take over the pictures of the explorer's pages
explorer-pictures:
    LEDGER_ACCEPT=1 cargo test -p cli --test whole explorer::pictures

# The explorer on 10000 commits of a product, 100000 products, and an hour of 20 commits a second
explorer-volume:
    LEDGER_EXPLORER=full cargo test -p cli --test whole explorer::volume -- --nocapture --test-threads=1

# Accept generated files: JSON Schemas, OpenAPI, samples and frozen messages of new event versions, types for subscribers, the outputs in the documentation
accept:
    LEDGER_ACCEPT=1 cargo test -p event-store --test journal frozen
    LEDGER_ACCEPT=1 cargo test -p schema --test contract
    LEDGER_ACCEPT=1 cargo test -p cli --test whole openapi
    LEDGER_ACCEPT=1 cargo test -p cli --test whole tours
    LEDGER_ACCEPT=1 cargo test -p cli --test whole page_of_settings
    LEDGER_ACCEPT=1 cargo test -p cli --test whole page_of_the_interface
    LEDGER_ACCEPT=1 cargo test -p cli --test whole explorer::pictures

# Measure throughput and latency, and those of the peer on PostgreSQL; `just bench commands --rounds 1` for a first look, `just bench starting 1000000` for a large ledger
bench *arguments:
    tests/bench/measure {{arguments}}

# Measure the cost of an append and a load, also in other event stores (needs Node.js)
bench-peers:
    tests/bench/run

# Measure the log of `serve` with a release build: `just bench-log latency`, `pairs` (with and without it, in turn) or `proofs` (in a million entries)
bench-log *arguments:
    cargo build --release -p cli --bin ledger
    tests/bench/log.py target/release/ledger {{arguments}}

# The commits that a month's filter of the feed reads in a ledger of a million commits; needs about 5 GB of memory
month-of-a-million:
    LEDGER_FEED_COMMITS=1000000 cargo test -p event-store --lib -- --nocapture a_month_costs

# Plan, import and import again a table of a million rows with a release build: rows a second and memory; needs about 5 GB of disk
import-million *arguments:
    cargo build --release -p cli --bin ledger
    tests/bench/import.py target/release/ledger {{arguments}}

# Draw docs/benchmarks/NAME.svg from tests/bench/results/NAME.json
plots:
    cd tests/bench && cargo run --locked -p plots

# Test the packages for subscribers with 20000 deliveries on DynamoDB, where `.ci/subscriber` has 5000; about 10 minutes in each of two languages
subscriber-dynamodb:
    SUBSCRIBER_DELIVERIES_DYNAMODB=20000 .ci/subscriber

# Deliver a million events to the inbox of each language in memory, and in Python also on SQLite: fetches and durations; needs about 4 GB of memory
subscriber-million:
    SUBSCRIBER_DELIVERIES=1000000 cargo test --release -p ledger-subscriber --test subscriber -- --nocapture on_memory::hostile
    cd subscriber/python && SUBSCRIBER_DELIVERIES=1000000 PYTHONPATH=.:tests python3 -m unittest -v -k test_hostile_deliveries tests/test_inbox.py
    cd subscriber/typescript && SUBSCRIBER_DELIVERIES=1000000 node test/run.mjs --test-name-pattern="hostile deliveries have one effect each"

# Plant known bugs in the code, one after the other, and check that a test finds each
planted-bugs *names:
    python3 tests/planted_bugs.py {{names}}

# Measure size, start, memory and processor time of the functions in a folder and of one in Python, for BENCHMARKS.md
measure-functions folder *arguments:
    cargo build -p loopback --example surroundings
    python3 tests/start/measure.py {{folder}} --write {{arguments}}

# What the first client of a new process waits for, with TLS; the folder is that of the functions
measure-first-request folder *arguments:
    cargo build -p loopback --example surroundings
    python3 tests/start/first_request.py {{folder}} {{arguments}}

# Check logs with verifiers that share no code with ours (installs Go and Python packages)
log:
    .ci/log

# Check the CDK app: lint, tests, both stages, cfn-lint (pip install -r .ci/requirements.txt)
infra:
    .ci/infra

# Update the tables of docs/costs.md and docs/growth.md from infra/costs
costs:
    npm --prefix infra run --silent costs

# Build the documentation as a book in target/book/html and check its links (pip install -r .ci/requirements.txt)
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
