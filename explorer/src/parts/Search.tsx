// The search of the header: whole SKUs, beginnings of names, ids.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { get, productPath, query, send } from "../api";
import { stays } from "../moment";
import { go, has, money, orders, view } from "../state";
import type { Product, ProductPage } from "../types";
import { productView } from "../url";
import { Icon } from "./icons";

interface Found {
  readonly group: string;
  readonly product: Product;
}

const ID = /^[A-Za-z0-9._~-]{1,64}$/;
const MOST = 5;

/** Asks for everything that a text may be, and gives each product once. */
async function look(text: string, signal: AbortSignal): Promise<Found[]> {
  const of = async (group: string, path: string): Promise<Found[]> => {
    const page = await get<ProductPage>(path, { signal });
    return page.products.map((product) => ({ group, product }));
  };
  const byId = async (): Promise<Found[]> => {
    if (!ID.test(text) || text === "." || text === "..") return [];
    const answer = await send(productPath(text), { signal });
    return answer.ok ? [{ group: "Id is", product: (await answer.json()) as Product }] : [];
  };
  const nothing = Promise.resolve<Found[]>([]);
  const asked = await Promise.allSettled([
    has("sku") && text.length <= 64 ? of("SKU is", query("products", { sku: text, limit: MOST })) : nothing,
    orders().includes("name") ? of("Name begins with", query("products", { sort: "name", name_prefix: text, limit: MOST })) : nothing,
    byId(),
  ]);
  const seen = new Set<string>();
  return asked
    .flatMap((one) => (one.status === "fulfilled" ? one.value : []))
    .filter(({ product }) => !seen.has(product.id) && seen.add(product.id).size > 0);
}

export function Search() {
  const [text, setText] = useState("");
  const [found, setFound] = useState<Found[] | undefined>(undefined);
  const [isOpen, setOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const field = useRef<HTMLInputElement>(null);
  const enter = useRef(false);
  const id = useId();
  const open = (one: Found | undefined): void => {
    if (one === undefined) return;
    setOpen(false);
    setText("");
    setFound(undefined);
    enter.current = false;
    field.current?.blur();
    go(productView(one.product.id, stays(view.value)));
  };
  useEffect(() => {
    const given = text.trim();
    setFound(undefined);
    setChosen(-1);
    if (given === "") return undefined;
    const control = new AbortController();
    const timer = setTimeout(() => {
      look(given, control.signal).then(
        (all) => {
          if (control.signal.aborted) return;
          setFound(all);
          if (enter.current) open(all[0]);
        },
        () => undefined,
      );
    }, 200);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [text]);
  const keys = (event: KeyboardEvent): void => {
    const all = found ?? [];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (all.length > 0) setChosen((chosen + step + all.length + (chosen < 0 && step < 0 ? 1 : 0)) % all.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (found === undefined) enter.current = text.trim() !== "";
      else open(all[Math.max(chosen, 0)]);
    } else if (event.key === "Escape") {
      setOpen(false);
      field.current?.blur();
    }
  };
  const isShown = isOpen && text.trim() !== "";
  return (
    <search class="search">
      <Icon name="search" size={18} />
      <input
        ref={field}
        id="search"
        type="text"
        inputMode="search"
        role="combobox"
        placeholder="Name, SKU or id"
        aria-label="Search products by name, SKU or id"
        aria-expanded={isShown && (found?.length ?? 0) > 0}
        aria-controls={id}
        aria-autocomplete="list"
        {...(chosen < 0 ? {} : { "aria-activedescendant": `${id}-${chosen}` })}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setTimeout(() => setOpen(false), 150)}
        onKeyDown={keys}
      />
      <kbd aria-hidden="true">/</kbd>
      {isShown ? (
        <div class="found">
          <ul id={id} role="listbox" aria-label="Products">
            {(found ?? []).map((one, index, all) => (
              <li key={one.product.id} id={`${id}-${index}`} role="option" aria-selected={index === chosen} onPointerDown={() => open(one)}>
                <span class="found-group">{all[index - 1]?.group === one.group ? "" : one.group}</span>
                <span class="found-name" dir="auto">
                  {one.product.name}
                  <small>{one.product.sku ?? one.product.id}</small>
                </span>
                <span class="found-price">{money(one.product.price, one.product.currency)}</span>
              </li>
            ))}
          </ul>
          {found?.length === 0 ? <p class="found-none">No product is found.</p> : null}
          <p class="found-foot">Searches beginnings of names, whole SKUs and ids.</p>
        </div>
      ) : null}
    </search>
  );
}
