// Checks logs of the ledger with Go's own packages for transparency logs, golang.org/x/mod/sumdb/note and tlog, which share no
// code with the ledger: every entry, some proof files, growth from each smaller log to the next, and a commit by its proof file.
//
//	check logs DIR SIZE...       each log DIR/SIZE/log (DIR may be a URL) with DIR/SIZE/proofs; prints one line a log
//	check altered DIR            each case of DIR, which must be refused; prints how many were
//	check commit DIR             that the proof file DIR/proof proves the commit DIR/commit.json
//
// DIR/key.vkey is the key. A case is a folder with a log (log/) or with a proof file (proof) and its entry (entry).
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(what, dir string, rest []string) error {
	key, err := read(dir + "/key.vkey")
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return err
	}
	keys := note.VerifierList(verifier)
	if what == "altered" {
		return altered(dir, keys)
	}
	if what == "commit" {
		return commit(dir, keys)
	}
	var smaller []tlog.Tree
	for _, size := range rest {
		log, err := open(dir+"/"+size+"/log", keys)
		if err != nil {
			return fmt.Errorf("%s: %w", size, err)
		}
		if strconv.FormatInt(log.tree.N, 10) != size {
			return fmt.Errorf("%s: the checkpoint says %d", size, log.tree.N)
		}
		entries, err := log.entries()
		if err != nil {
			return fmt.Errorf("%s: %w", size, err)
		}
		for _, old := range smaller {
			if err := log.grewFrom(old); err != nil {
				return fmt.Errorf("%s from %d: %w", size, old.N, err)
			}
		}
		proofs, err := checkProofs(dir+"/"+size+"/proofs", keys, entries)
		if err != nil {
			return fmt.Errorf("%s: %w", size, err)
		}
		fmt.Printf("x/mod/sumdb: %s entries, %d proof files, grown from %d smaller logs\n", size, proofs, len(smaller))
		smaller = append(smaller, log.tree)
	}
	return nil
}

// A logFiles has the files of a log, a directory or a URL.
type logFiles struct {
	prefix string
	tree   tlog.Tree
}

func open(prefix string, keys note.Verifiers) (*logFiles, error) {
	signed, err := read(prefix + "/checkpoint")
	if err != nil {
		return nil, err
	}
	tree, err := checkpoint(signed, keys)
	return &logFiles{prefix, tree}, err
}

func checkpoint(signed []byte, keys note.Verifiers) (tlog.Tree, error) {
	opened, err := note.Open(signed, keys)
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != opened.Sigs[0].Name {
		return tlog.Tree{}, errors.New("not a checkpoint of the key's log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func (log *logFiles) Height() int { return 8 }

func (log *logFiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles reads tiles; C2SP's paths leave out the height.
func (log *logFiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		bytes, err := read(log.prefix + "/" + strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		data = append(data, bytes)
	}
	return data, nil
}

// entries reads every entry and proves that it is in the log.
func (log *logFiles) entries() ([][]byte, error) {
	reader := tlog.TileHashReader(log.tree, log)
	var entries [][]byte
	for int64(len(entries)) < log.tree.N {
		width := min(log.tree.N-int64(len(entries)), 256)
		path := tlog.Tile{H: 8, L: 0, N: int64(len(entries)) / 256, W: int(width)}.Path()
		bundle, err := read(log.prefix + "/" + strings.Replace(path, "tile/8/0/", "tile/entries/", 1))
		if err != nil {
			return nil, err
		}
		var indexes []int64
		for i := int64(0); i < width; i++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return nil, errors.New("a bundle is too short")
			}
			length := 2 + int(binary.BigEndian.Uint16(bundle))
			indexes = append(indexes, tlog.StoredHashIndex(0, int64(len(entries))))
			entries = append(entries, bundle[2:length])
			bundle = bundle[length:]
		}
		if len(bundle) > 0 {
			return nil, errors.New("a bundle is too long")
		}
		hashes, err := reader.ReadHashes(indexes)
		if err != nil {
			return nil, err
		}
		for i, hash := range hashes {
			n := len(entries) - len(hashes) + i
			if hash != tlog.RecordHash(entries[n]) {
				return nil, fmt.Errorf("entry %d has another hash than the tile", n)
			}
		}
	}
	if log.tree.N > 0 {
		n := log.tree.N / 2
		proof, err := tlog.ProveRecord(log.tree.N, n, reader)
		if err != nil {
			return nil, err
		}
		return entries, tlog.CheckRecord(proof, log.tree.N, log.tree.Hash, n, tlog.RecordHash(entries[n]))
	}
	return entries, nil
}

func (log *logFiles) grewFrom(old tlog.Tree) error {
	if old.N == 0 {
		return nil
	}
	proof, err := tlog.ProveTree(log.tree.N, old.N, tlog.TileHashReader(log.tree, log))
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, log.tree.N, log.tree.Hash, old.N, old.Hash)
}

func checkProofs(dir string, keys note.Verifiers, entries [][]byte) (int, error) {
	if strings.HasPrefix(dir, "http") {
		return 0, nil
	}
	files, err := filepath.Glob(dir + "/*.tlog-proof")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		proof, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		index, err := checkProof(proof, keys, func(index int64) ([]byte, error) {
			if index >= int64(len(entries)) {
				return nil, errors.New("no such entry")
			}
			return entries[index], nil
		})
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		if filepath.Base(file) != fmt.Sprintf("%d.tlog-proof", index) {
			return 0, fmt.Errorf("%s is the proof of entry %d", file, index)
		}
	}
	return len(files), nil
}

// checkProof checks a proof file, whose `extra` is the first half of the entry.
func checkProof(proof []byte, keys note.Verifiers, entry func(int64) ([]byte, error)) (int64, error) {
	head, signed, found := bytes.Cut(proof, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, errors.New("not a proof file")
	}
	extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil || !strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return 0, errors.New("no extra or no index")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil || index < 0 {
		return 0, errors.New("the index is no number")
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 0, err
		}
		path = append(path, hash)
	}
	tree, err := checkpoint(signed, keys)
	if err != nil {
		return 0, err
	}
	bytes, err := entry(index)
	if err != nil {
		return 0, err
	}
	if len(bytes) != 64 || string(bytes[:32]) != string(extra) {
		return 0, errors.New("the extra line is not the entry's first half")
	}
	if index >= tree.N {
		return 0, errors.New("the index lies behind the tree")
	}
	return index, tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(bytes))
}

// commit checks that a proof file proves a commit.
func commit(dir string, keys note.Verifiers) error {
	proof, err := os.ReadFile(dir + "/proof")
	if err != nil {
		return err
	}
	text, err := os.ReadFile(dir + "/commit.json")
	if err != nil {
		return err
	}
	index, err := checkProof(proof, keys, func(int64) ([]byte, error) { return entryOf(text) })
	if err != nil {
		return err
	}
	fmt.Printf("x/mod/sumdb: the commit is entry %d\n", index)
	return nil
}

// entryOf computes the entry of a commit: the hash of the commit before it, and its own, over all of it but "hash".
func entryOf(text []byte) ([]byte, error) {
	var commit map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&commit); err != nil {
		return nil, err
	}
	carried, _ := commit["hash"].(string)
	previous, _ := commit["previous_hash"].(string)
	product, _ := commit["product_id"].(string)
	delete(commit, "hash")
	var canonical bytes.Buffer
	if err := write(&canonical, commit); err != nil {
		return nil, err
	}
	own := sha256.Sum256(canonical.Bytes())
	if hex.EncodeToString(own[:]) != carried {
		return nil, errors.New("the commit has another hash than it carries")
	}
	before, err := hex.DecodeString(previous)
	if err != nil {
		return nil, err
	}
	if previous == strings.Repeat("0", 64) {
		first := sha256.Sum256([]byte("product-ledger/product\n" + product))
		before = first[:]
	}
	return append(before, own[:]...), nil
}

// write writes a value in the canonical form of RFC 8785; numbers are integers.
func write(to *bytes.Buffer, value any) error {
	switch value := value.(type) {
	case nil:
		to.WriteString("null")
	case bool:
		to.WriteString(strconv.FormatBool(value))
	case json.Number:
		if _, err := value.Int64(); err != nil {
			return err
		}
		to.WriteString(value.String())
	case string:
		writeText(to, value)
	case []any:
		to.WriteByte('[')
		for i, item := range value {
			if i > 0 {
				to.WriteByte(',')
			}
			if err := write(to, item); err != nil {
				return err
			}
		}
		to.WriteByte(']')
	case map[string]any:
		return writeObject(to, value)
	}
	return nil
}

func writeObject(to *bytes.Buffer, value map[string]any) error {
	var names []string
	for name := range value {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := utf16.Encode([]rune(names[i])), utf16.Encode([]rune(names[j]))
		for k := 0; k < len(a) && k < len(b); k++ {
			if a[k] != b[k] {
				return a[k] < b[k]
			}
		}
		return len(a) < len(b)
	})
	to.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			to.WriteByte(',')
		}
		writeText(to, name)
		to.WriteByte(':')
		if err := write(to, value[name]); err != nil {
			return err
		}
	}
	to.WriteByte('}')
	return nil
}

func writeText(to *bytes.Buffer, text string) {
	short := map[rune]string{'\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`, '"': `\"`, '\\': `\\`}
	to.WriteByte('"')
	for _, char := range text {
		if escaped, found := short[char]; found {
			to.WriteString(escaped)
		} else if char < 0x20 {
			fmt.Fprintf(to, `\u%04x`, char)
		} else {
			to.WriteRune(char)
		}
	}
	to.WriteByte('"')
}

// altered checks that each case is refused.
func altered(dir string, keys note.Verifiers) error {
	cases, err := os.ReadDir(dir + "/cases")
	if err != nil {
		return err
	}
	for _, one := range cases {
		folder := dir + "/cases/" + one.Name()
		if err := alteredCase(folder, keys); err == nil {
			return fmt.Errorf("%s was accepted", folder)
		}
	}
	fmt.Printf("x/mod/sumdb: %d altered proofs, checkpoints, tiles and bundles refused\n", len(cases))
	return nil
}

func alteredCase(folder string, keys note.Verifiers) error {
	if proof, err := os.ReadFile(folder + "/proof"); err == nil {
		_, err := checkProof(proof, keys, func(int64) ([]byte, error) { return os.ReadFile(folder + "/entry") })
		return err
	}
	log, err := open(folder+"/log", keys)
	if err != nil {
		return err
	}
	_, err = log.entries()
	return err
}

func read(place string) ([]byte, error) {
	if !strings.HasPrefix(place, "http://") {
		return os.ReadFile(place)
	}
	answer, err := http.Get(place)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", place, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}
