// QR codes (ISO/IEC 18004): bytes, error correction M, versions 1 to 20, which are still read from paper at the size of a stamp. Pure.

const MOST = 20;
/** Of each version from 1: the bytes of error correction of a block, and how many blocks there are. */
const CORRECTION = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26];
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16];

/** Rows of modules, true where one is dark. */
export type Modules = readonly (readonly boolean[])[];

/** The modules that are not data: those of finders, timing, alignment, format and version. */
interface Grid {
  readonly size: number;
  readonly dark: boolean[][];
  readonly fixed: boolean[][];
}

/** How many modules of a version hold data and its correction. */
function dataModules(version: number): number {
  const aligned = version === 1 ? 0 : Math.floor(version / 7) + 2;
  const patterns = aligned === 0 ? 0 : 25 * aligned * aligned - 10 * aligned - 55;
  return (16 * version + 128) * version + 64 - patterns - (version >= 7 ? 36 : 0);
}

function dataBytes(version: number): number {
  return Math.floor(dataModules(version) / 8) - (CORRECTION[version - 1] as number) * (BLOCKS[version - 1] as number);
}

const EXP = new Uint8Array(255);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power += 1) {
  EXP[power] = value;
  LOG[value] = power;
  value = value << 1 ^ (value >= 128 ? 0x11d : 0);
}

function times(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : EXP[((LOG[a] as number) + (LOG[b] as number)) % 255] as number;
}

/** The remainder of the data by the generator polynomial of this degree. */
function correction(data: readonly number[], degree: number): number[] {
  let generator = [1];
  for (let root = 0; root < degree; root += 1) {
    const next = [...generator, 0];
    generator.forEach((factor, at) => (next[at + 1] = (next[at + 1] as number) ^ times(factor, EXP[root] as number)));
    generator = next;
  }
  const rest = new Array<number>(degree).fill(0);
  for (const byte of data) {
    const factor = byte ^ (rest.shift() as number);
    rest.push(0);
    for (let at = 0; at < degree; at += 1) rest[at] = (rest[at] as number) ^ times(generator[at + 1] as number, factor);
  }
  return rest;
}

/** The bytes of a version: mode, length, text, padding, in blocks that are interleaved with their correction. */
function codewords(bytes: Uint8Array, version: number): number[] {
  const bits: number[] = [];
  const put = (value: number, length: number): void => {
    for (let bit = length - 1; bit >= 0; bit -= 1) bits.push(value >> bit & 1);
  };
  const room = dataBytes(version);
  put(4, 4);
  put(bytes.length, version < 10 ? 8 : 16);
  for (const byte of bytes) put(byte, 8);
  put(0, Math.min(4, room * 8 - bits.length));
  put(0, (8 - bits.length % 8) % 8);
  for (let pad = 0xec; bits.length < room * 8; pad ^= 0xec ^ 0x11) put(pad, 8);
  const data = Array.from({ length: room }, (_, at) => bits.slice(at * 8, at * 8 + 8).reduce((byte, bit) => byte << 1 | bit, 0));
  const [blocks, degree] = [BLOCKS[version - 1] as number, CORRECTION[version - 1] as number];
  const short = Math.floor(room / blocks);
  const firstLong = blocks - room % blocks;
  const parts = Array.from({ length: blocks }, (_, block) => {
    const from = block * short + Math.max(0, block - firstLong);
    return data.slice(from, from + short + (block >= firstLong ? 1 : 0));
  });
  const checks = parts.map((part) => correction(part, degree));
  const woven = (all: readonly (readonly number[])[], length: number): number[] =>
    Array.from({ length }, (_, at) => all.flatMap((part) => part[at] ?? [])).flat();
  return [...woven(parts, short + 1), ...woven(checks, degree)];
}

function grid(version: number): Grid {
  const size = version * 4 + 17;
  const rows = (): boolean[][] => Array.from({ length: size }, () => new Array<boolean>(size).fill(false));
  const made: Grid = { size, dark: rows(), fixed: rows() };
  for (let at = 0; at < size; at += 1) {
    set(made, 6, at, at % 2 === 0);
    set(made, at, 6, at % 2 === 0);
  }
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]] as const) {
    for (let dy = -4; dy <= 4; dy += 1) {
      for (let dx = -4; dx <= 4; dx += 1) {
        const ring = Math.max(Math.abs(dx), Math.abs(dy));
        set(made, x + dx, y + dy, ring !== 2 && ring !== 4);
      }
    }
  }
  const places = alignment(version, size);
  places.forEach((x, column) => places.forEach((y, row) => {
    const last = places.length - 1;
    if ((column === 0 && (row === 0 || row === last)) || (column === last && row === 0)) return;
    for (let dy = -2; dy <= 2; dy += 1) for (let dx = -2; dx <= 2; dx += 1) set(made, x + dx, y + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
  }));
  format(made, 0);
  if (version >= 7) {
    const bits = version << 12 | remainder(version, 0x1f25, 12);
    for (let bit = 0; bit < 18; bit += 1) {
      const [far, near] = [size - 11 + bit % 3, Math.floor(bit / 3)];
      set(made, far, near, (bits >> bit & 1) === 1);
      set(made, near, far, (bits >> bit & 1) === 1);
    }
  }
  return made;
}

function set({ size, dark, fixed }: Grid, x: number, y: number, value: boolean): void {
  if (x < 0 || y < 0 || x >= size || y >= size) return;
  (dark[y] as boolean[])[x] = value;
  (fixed[y] as boolean[])[x] = true;
}

function alignment(version: number, size: number): number[] {
  if (version === 1) return [];
  const amount = Math.floor(version / 7) + 2;
  const step = Math.floor((version * 8 + amount * 3 + 5) / (amount * 4 - 4)) * 2;
  return [6, ...Array.from({ length: amount - 1 }, (_, at) => size - 7 - (amount - 2 - at) * step)];
}

/** The remainder of a value by a polynomial of BCH. */
function remainder(value: number, polynomial: number, degree: number): number {
  let rest = value;
  for (let bit = 0; bit < degree; bit += 1) rest = rest << 1 ^ (rest >> degree - 1) * polynomial;
  return rest;
}

/** Error correction M, whose number is 0, and the mask, at both places. */
function format(made: Grid, mask: number): void {
  const bits = (mask << 10 | remainder(mask, 0x537, 10)) ^ 0x5412;
  const is = (bit: number): boolean => (bits >> bit & 1) === 1;
  for (let bit = 0; bit < 15; bit += 1) {
    const along = bit < 6 ? bit : bit < 8 ? bit + 1 : made.size - 15 + bit;
    set(made, 8, along, is(bit));
    const back = bit < 8 ? made.size - 1 - bit : bit === 8 ? 7 : 14 - bit;
    set(made, back, 8, is(bit));
  }
  set(made, 8, made.size - 8, true);
}

/** Whether a mask turns a module over. */
const MASKS: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => x * y % 2 + x * y % 3 === 0,
  (x, y) => (x * y % 2 + x * y % 3) % 2 === 0,
  (x, y) => ((x + y) % 2 + x * y % 3) % 2 === 0,
];

/** Draws the bytes in columns of two, upwards and downwards, beginning at the right. */
function draw({ size, dark, fixed }: Grid, bytes: readonly number[]): void {
  let bit = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    const column = right <= 6 ? right - 1 : right;
    const isUp = (column + (column < 6 ? 1 : 0) & 2) === (size - 1 & 2);
    for (let step = 0; step < size; step += 1) {
      for (const x of [column, column - 1]) {
        const y = isUp ? size - 1 - step : step;
        if (fixed[y]?.[x] === true) continue;
        (dark[y] as boolean[])[x] = ((bytes[bit >> 3] ?? 0) >> 7 - (bit & 7) & 1) === 1;
        bit += 1;
      }
    }
  }
}

function masked(made: Grid, mask: number): Grid {
  const turn = MASKS[mask] as (x: number, y: number) => boolean;
  const dark = made.dark.map((row, y) => row.map((value, x) => value !== (made.fixed[y]?.[x] !== true && turn(x, y))));
  const next = { ...made, dark };
  format(next, mask);
  return next;
}

/** How hard a picture is to read, by the four rules of the standard. */
function penalty({ size, dark }: Grid): number {
  let points = 0;
  let all = 0;
  const at = (x: number, y: number): boolean => dark[y]?.[x] === true;
  const alike = [[true, false, true, true, true, false, true, false, false, false, false], [false, false, false, false, true, false, true, true, true, false, true]];
  for (let line = 0; line < size; line += 1) {
    for (const one of [(place: number) => at(place, line), (place: number) => at(line, place)]) {
      for (let place = 0, run = 0; place < size; place += 1) {
        run = place > 0 && one(place) === one(place - 1) ? run + 1 : 1;
        points += run === 5 ? 3 : run > 5 ? 1 : 0;
        if (alike.some((wanted) => wanted.every((value, step) => place + step < size && one(place + step) === value))) points += 40;
      }
    }
    for (let place = 0; place < size; place += 1) {
      if (at(place, line)) all += 1;
      const isBlock = line > 0 && place > 0 && at(place, line) === at(place - 1, line) && at(place, line) === at(place, line - 1) && at(place, line) === at(place - 1, line - 1);
      if (isBlock) points += 3;
    }
  }
  return points + Math.floor(Math.abs(all * 20 - size * size * 10) / (size * size)) * 10;
}

/** The code of a text; `undefined` if the text is longer than one that is read from paper. */
export function qr(text: string): Modules | undefined {
  const bytes = new TextEncoder().encode(text);
  const fits = (version: number): boolean => bytes.length + (version < 10 ? 2 : 3) <= dataBytes(version);
  const version = Array.from({ length: MOST }, (_, at) => at + 1).find(fits);
  if (version === undefined) return undefined;
  const made = grid(version);
  draw(made, codewords(bytes, version));
  const all = MASKS.map((_, mask) => masked(made, mask));
  return all.reduce((best, one) => (penalty(one) < penalty(best) ? one : best)).dark;
}
