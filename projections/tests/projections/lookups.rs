//! Look-ups over HTTP: what they answer while products change, what they cost, and that a change of the price pays nothing
//! for their indexes.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use engine::probe::{RecordedRequest, RequestRecorder};
use event_store::StoreError;
use projections::views::{
    CategoryPlace, CategoryRow, FoundRow, Generation, GenerationsError, Lookup, Portion, ProductRow, RowPage,
    Slice, SlicePage, View, ViewGenerations,
};
use projections::{MemoryViews, Views};
use schema::{Orders, Product, ProductId, Status, fixtures};
use serde_json::{Value, json};

use crate::given::{PutProduct, asked, fill, front, setting, some_lives, tables, unwatched, views_of};

const FIRST: Generation = Generation(1);

/// A product at version 1.
fn product(id: &str, sku: Option<&str>, category: Option<&str>) -> Product {
    serde_json::from_value(json!({
        "id": id, "name": format!("Helmet {id}"), "price": "34.99", "currency": "USD", "sku": sku, "category": category,
        "status": "active", "version": 1, "created_at": "2026-11-23T05:20:00Z", "updated_at": "2026-11-23T05:20:00Z",
    }))
    .unwrap()
}

fn next(product: &Product, change: impl Fn(&mut Product)) -> Product {
    let mut after = Product { version: product.version + 1, ..product.clone() };
    change(&mut after);
    after
}

/// Both adapters that need no file, with these products.
async fn adapters(products: &[Product]) -> [Arc<dyn Views>; 2] {
    let adapters: [Arc<dyn Views>; 2] = [Arc::<MemoryViews>::default(), Arc::new(views_of(&tables().await))];
    for views in &adapters {
        for product in products {
            views.put(FIRST, product).await.unwrap();
        }
    }
    adapters
}

/// The pages of a walk: the ids or categories of each.
async fn walk(front: &axum::Router, path: &str, list: &str, name: &str) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = asked(front, &format!("{path}{cursor}")).await;
        assert_eq!(status, 200, "{path}{cursor}: {page}");
        let entries = page[list].as_array().unwrap().iter();
        pages.push(entries.map(|entry| entry[name].as_str().unwrap().to_owned()).collect());
        let Some(next) = page["next"].as_str() else { return pages };
        let mark = if path.contains('?') { '&' } else { '?' };
        cursor = format!("{mark}cursor={next}");
        assert!(pages.len() < 1_000, "the walk does not end");
    }
}

async fn ids(front: &axum::Router, query: &str) -> Vec<String> {
    walk(front, &format!("/products?{query}"), "products", "id").await.concat()
}

#[tokio::test]
async fn a_sku_and_a_category_together_must_both_hold() {
    let products: Vec<Product> = (0..60)
        .map(|n| product(&format!("p{n:02}"), Some(["S", "T"][n % 2]), Some(["a", "b", "c"][n % 3])))
        .collect();
    for views in adapters(&products).await {
        let front = front(views);
        let expected: Vec<String> = (0..60).filter(|n| n % 6 == 3).map(|n| format!("p{n:02}")).collect();
        for query in ["sku=T&category=a", "category=a&sku=T&sort=name", "sku=T&category=a&limit=1"] {
            assert_eq!(ids(&front, query).await, expected, "{query}");
        }
        assert_eq!(ids(&front, "sku=T&category=d").await, [""; 0]);
        assert_eq!(ids(&front, "sku=U&category=a").await, [""; 0]);
    }
}

/// Few pages lead to a rare pair, and a page ends however few products are in the category.
#[tokio::test]
async fn a_page_of_a_sku_and_a_category_looks_at_up_to_a_thousand_products() {
    let products: Vec<Product> = (0..1_200)
        .map(|n| product(&format!("p{n:04}"), Some("S"), Some(if n % 400 == 399 { "rare" } else { "a" })))
        .collect();
    let tables = tables().await;
    fill(&tables, &products).await;
    let memory = Arc::<MemoryViews>::default();
    for product in &products {
        memory.put(FIRST, product).await.unwrap();
    }
    let (config, recorder) = RequestRecorder::record(&tables);
    let (memory, dynamodb) = (front(memory), front(Arc::new(views_of(&config))));
    for (limit, pages) in [(1, 3), (2, 2), (50, 2)] {
        for query in ["", "&sort=name"] {
            let path = format!("/products?sku=S&category=rare&limit={limit}{query}");
            let read = walk(&memory, &path, "products", "id").await;
            assert_eq!(read.concat(), ["p0399", "p0799", "p1199"], "{path}");
            assert_eq!(read.len(), pages, "{path}: {read:?}");
        }
    }
    let none = walk(&memory, "/products?sku=S&category=none", "products", "id").await;
    assert_eq!(none, vec![Vec::<String>::new(); 2]);
    recorder.clear();
    let (_, page) = asked(&dynamodb, "/products?sku=S&category=rare").await;
    assert_eq!(page["products"].as_array().map(Vec::len), Some(2), "{page}");
    assert!(page["next"].is_string(), "{page}");
    let (read, asked): (Vec<_>, Vec<_>) =
        recorder.take().into_iter().partition(|seen| seen.request.operation == "BatchGetItem");
    // Half a unit for each product that is looked at, of up to 100 in a request.
    assert!((cost(&read) - 500.0).abs() < f64::EPSILON, "{}", cost(&read));
    assert!((10..=12).contains(&read.len()), "{}", read.len());
    let asked: Vec<_> = asked.into_iter().filter(|seen| seen.request.operation == "Query").collect();
    assert!((4..=40).contains(&asked.len()) && cost(&asked) <= 40.0, "{} {}", asked.len(), cost(&asked));
}

#[tokio::test]
async fn a_look_up_takes_a_prefix_of_its_order_and_both_directions() {
    let products: Vec<Product> =
        (0..30).map(|n| product(&format!("p{n:02}"), Some("S"), Some(["a", "b"][n % 2]))).collect();
    for views in adapters(&products).await {
        let front = front(views);
        let odd: Vec<String> = (10..20).filter(|n| n % 2 == 1).map(|n| format!("p{n:02}")).collect();
        for query in ["category=b&id_prefix=p1", "category=b&sort=name&name_prefix=HELMET%20P1"] {
            assert_eq!(ids(&front, &format!("{query}&limit=3")).await, odd, "{query}");
            let mut backwards = ids(&front, &format!("{query}&limit=3&order=desc")).await;
            backwards.reverse();
            assert_eq!(backwards, odd, "{query}");
        }
        assert_eq!(ids(&front, "sku=S&id_prefix=p07").await, ["p07"]);
        assert_eq!(ids(&front, "id_prefix=p2").await.len(), 10);
        assert_eq!(ids(&front, "id_prefix=p2&order=desc&limit=3").await.len(), 10);
        assert_eq!(ids(&front, "id_prefix=P").await, [""; 0]);
        assert_eq!(ids(&front, "id_prefix=.").await, [""; 0]);
    }
}

/// Reads products of one store by the indexes of an older one.
struct Stale {
    index: MemoryViews,
    rows: MemoryViews,
}

#[async_trait]
impl Views for Stale {
    fn orders(&self) -> Orders {
        self.rows.orders()
    }

    async fn generations(&self) -> Result<ViewGenerations, StoreError> {
        self.rows.generations().await
    }

    async fn change_generations(&self, to: &ViewGenerations) -> Result<(), GenerationsError> {
        self.rows.change_generations(to).await
    }

    async fn get(&self, generation: Generation, id: &ProductId) -> Result<Option<Product>, StoreError> {
        self.rows.get(generation, id).await
    }

    async fn show(&self, generation: Generation, row: &ProductRow) -> Result<Option<ProductRow>, StoreError> {
        self.rows.show(generation, row).await
    }

    async fn replace(
        &self,
        generation: Generation,
        seen: &ProductRow,
        by: &ProductRow,
    ) -> Result<bool, StoreError> {
        self.rows.replace(generation, seen, by).await
    }

    async fn slice(&self, generation: Generation, slice: &Slice) -> Result<SlicePage, StoreError> {
        self.index.slice(generation, slice).await
    }

    async fn find(
        &self,
        generation: Generation,
        lookup: &Lookup,
        slice: &Slice,
    ) -> Result<Portion<FoundRow>, StoreError> {
        self.index.find(generation, lookup, slice).await
    }

    async fn categories(
        &self,
        generation: Generation,
        shard: u8,
        after: &CategoryPlace,
        limit: usize,
    ) -> Result<Portion<CategoryRow>, StoreError> {
        self.index.categories(generation, shard, after, limit).await
    }

    async fn known(
        &self,
        generation: Generation,
        shard: u8,
        after: &str,
        limit: usize,
    ) -> Result<Portion<ProductId>, StoreError> {
        self.rows.known(generation, shard, after, limit).await
    }

    async fn counted(&self, generation: Generation) -> Result<Option<[u64; 2]>, StoreError> {
        self.rows.counted(generation).await
    }

    async fn get_all(&self, generation: Generation, ids: &[ProductId]) -> Result<Vec<Product>, StoreError> {
        self.rows.get_all(generation, ids).await
    }

    async fn rows(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<RowPage, StoreError> {
        self.rows.rows(generation, from, limit).await
    }

    async fn remove(&self, generation: Generation, key: &str) -> Result<(), StoreError> {
        self.rows.remove(generation, key).await
    }
}

/// An index that is behind the products: whoever has moved since is left out, and nobody is shown as something else.
#[tokio::test]
async fn what_changed_between_the_index_and_the_product_is_left_out() {
    let stale = Stale { index: MemoryViews::default(), rows: MemoryViews::default() };
    let before = ["a", "b", "c", "d", "e", "f"].map(|id| product(id, Some("S"), Some("C")));
    let dearer = next(&before[5], |product| product.facts.money = fixtures::money("99", "USD"));
    let after = [
        next(&before[1], |product| product.facts.details.sku = Some("T".into())),
        next(&before[2], |product| product.facts.status = Status::Deleted),
        next(&before[4], |product| product.facts.name = "Aardvark".into()),
        dearer,
    ];
    for product in &before {
        stale.index.put(FIRST, product).await.unwrap();
        // `d` is gone.
        if product.id.as_str() != "d" {
            stale.rows.put(FIRST, product).await.unwrap();
        }
    }
    for product in &after {
        stale.rows.put(FIRST, product).await.unwrap();
    }
    let front = front(Arc::new(stale));
    assert_eq!(ids(&front, "sku=S").await, ["a", "e", "f"]);
    assert_eq!(ids(&front, "sku=S&limit=1").await, ["a", "e", "f"]);
    assert_eq!(
        ids(&front, "category=C&sort=name").await,
        ["a", "b", "f"],
        "renamed: it was before this page"
    );
    let (_, page) = asked(&front, "/products?sku=S&id_prefix=f").await;
    assert_eq!(page["products"][0]["price"], "99.00", "the product is the present one");
}

#[tokio::test]
async fn a_page_of_large_products_that_were_found_is_cut_near_a_megabyte() {
    let products: Vec<Product> = (0..60)
        .map(|n| {
            let mut product = product(&format!("p{n:02}"), Some("S"), None);
            let pairs = (0..50).map(|pair| (format!("{pair}"), "ö".repeat(500)));
            product.facts.details.attributes = Some(pairs.collect());
            product
        })
        .collect();
    let [_, dynamodb] = adapters(&products).await;
    let front = front(dynamodb);
    let (_, page) = asked(&front, "/products?sku=S&limit=100").await;
    let bytes = page.to_string().len();
    assert!((1_000_000..1_150_000).contains(&bytes), "{bytes}");
    let expected: Vec<String> = products.iter().map(|product| product.id.to_string()).collect();
    assert_eq!(ids(&front, "sku=S&limit=100").await, expected);
}

fn counted(pages: &[Value]) -> Vec<(String, u64)> {
    let categories = pages.iter().flat_map(|page| page["categories"].as_array().unwrap());
    categories
        .map(|one| (one["category"].as_str().unwrap().to_owned(), one["products"].as_u64().unwrap()))
        .collect()
}

/// All pages.
async fn categories(front: &axum::Router, limit: usize) -> Vec<Value> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = asked(front, &format!("/categories?limit={limit}{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        assert!(page["categories"].as_array().unwrap().len() <= limit);
        let next = page["next"].as_str().map(str::to_owned);
        pages.push(page);
        let Some(next) = next else { return pages };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn categories_are_listed_once_in_byte_order_with_their_active_products() {
    let names = ["b", "a", "B", "a b", "ab", "ä", "😀"];
    let mut products: Vec<Product> = (0..100)
        .map(|n| {
            product(&format!("p{n:03}"), None, Some(names[(n * n) % names.len()]).filter(|_| n % 10 > 0))
        })
        .collect();
    for product in products.iter_mut().skip(5).step_by(20) {
        *product = next(product, |product| product.facts.status = Status::Deleted);
    }
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for product in products.iter().filter(|product| product.facts.status == Status::Active) {
        if let Some(category) = &product.facts.details.category {
            *expected.entry(category.clone()).or_default() += 1;
        }
    }
    let expected: Vec<(String, u64)> = expected.into_iter().collect();
    for views in adapters(&products).await {
        let front = front(views);
        for limit in [1, 2, 3, expected.len(), 100] {
            let pages = categories(&front, limit).await;
            assert_eq!(counted(&pages), expected, "{limit}");
            assert_eq!(pages.len(), expected.len().div_ceil(limit), "{limit}");
        }
    }
}

#[tokio::test]
async fn a_catalogue_without_categories_has_an_empty_page() {
    for views in adapters(&[product("p", Some("S"), None)]).await {
        let (status, page) = asked(&front(views), "/categories").await;
        assert_eq!((status, page), (200, json!({"categories": [], "next": null})));
    }
}

/// A cursor does not return a category again for a product that came after it was counted.
#[tokio::test]
async fn a_category_that_grows_behind_its_cursor_is_not_listed_again() {
    let views = Arc::<MemoryViews>::default();
    for (id, category) in [("a", "one"), ("b", "one"), ("c", "two")] {
        views.put(FIRST, &product(id, None, Some(category))).await.unwrap();
    }
    let front = front(views.clone());
    let (_, page) = asked(&front, "/categories?limit=1").await;
    assert_eq!(page["categories"], json!([{"category": "one", "products": 2}]));
    views.put(FIRST, &product("z", None, Some("one"))).await.unwrap();
    let cursor = page["next"].as_str().unwrap();
    let (_, page) = asked(&front, &format!("/categories?limit=1&cursor={cursor}")).await;
    assert_eq!(page, json!({"categories": [{"category": "two", "products": 1}], "next": null}));
}

/// A category of more products than a page looks at is counted over several pages, and returned once.
#[tokio::test]
async fn a_category_of_many_products_is_counted_over_several_pages() {
    const LARGE: u64 = 44_000;
    let views = Arc::<MemoryViews>::default();
    for (id, category) in [("first", "a"), ("last", "z")] {
        views.put(FIRST, &product(id, None, Some(category))).await.unwrap();
    }
    for n in 0..LARGE {
        views.put(FIRST, &product(&format!("p{n:05}"), None, Some("large"))).await.unwrap();
    }
    let pages = categories(&front(views), 100).await;
    assert_eq!(counted(&pages), [("a".to_owned(), 1), ("large".to_owned(), LARGE), ("z".to_owned(), 1)]);
    assert_eq!(pages.len(), 2);
    assert_eq!(pages[0]["categories"], json!([{"category": "a", "products": 1}]));
}

#[tokio::test]
async fn what_categories_cannot_mean_is_refused_and_named() {
    let views = Arc::<MemoryViews>::default();
    for n in 0..5 {
        views.put(FIRST, &product(&format!("p{n}"), Some("S"), Some(&format!("c{n}")))).await.unwrap();
    }
    let front = front(views);
    let cursor = |page: &Value| page["next"].as_str().unwrap().to_owned();
    let listed = cursor(&asked(&front, "/products?limit=1").await.1);
    let counted = cursor(&asked(&front, "/categories?limit=1").await.1);
    for (path, named) in [
        ("/categories?limit=0".to_owned(), "limit"),
        ("/categories?limit=101".to_owned(), "limit"),
        ("/categories?sort=name".to_owned(), "sort"),
        ("/categories?cursor=".to_owned(), "cursor"),
        ("/categories?cursor=AAAAAAAAAAAAAAAA".to_owned(), "cursor"),
        (format!("/categories?cursor={listed}"), "cursor"),
        (format!("/products?cursor={counted}"), "cursor"),
    ] {
        let (status, problem) = asked(&front, &path).await;
        assert_eq!(
            (status, &problem["type"]),
            (400, &json!("urn:product-ledger:problem:malformed")),
            "{path}"
        );
        assert_eq!(problem["errors"][0]["pointer"], named, "{path} {problem}");
    }
}

#[tokio::test]
async fn a_rebuild_fills_the_indexes_of_look_ups() {
    let setting = setting(&tables().await, Arc::default());
    let lives = some_lives(&setting, 30).await;
    let live = lives.iter().filter(|life| life.newest().state.facts.status == Status::Active);
    let expected: Vec<String> = live.map(|life| life.id.to_string()).collect();
    for generation in 1..4 {
        let front = front(setting.views.clone());
        assert_eq!(setting.generations(View::Products).await.read, Generation(generation));
        for query in ["sku=HL-U509-R", "category=Accessories%20/%20Helmets"] {
            assert_eq!(ids(&front, query).await, expected, "{query}");
        }
        let pages = categories(&front, 100).await;
        assert_eq!(counted(&pages), [("Accessories / Helmets".to_owned(), expected.len() as u64)]);
        setting.rebuild(View::Products).run(&unwatched()).await.unwrap();
    }
}

fn cost(seen: &[RecordedRequest]) -> f64 {
    seen.iter().map(|recorded| recorded.capacity().unwrap()).sum()
}

/// Query routes over a catalogue in one category, and the recorder of their requests.
async fn catalogue_of(count: usize) -> (axum::Router, RequestRecorder) {
    let tables = tables().await;
    let products: Vec<Product> = (0..count)
        .map(|n| product(&format!("p{n:05}"), Some(&format!("S{}", n / 2)), Some("Accessories / Helmets")))
        .collect();
    fill(&tables, &products).await;
    let (config, recorder) = RequestRecorder::record(&tables);
    let front = front(Arc::new(views_of(&config)));
    asked(&front, "/products/p00000").await;
    recorder.clear();
    (front, recorder)
}

#[tokio::test]
async fn a_page_of_a_look_up_costs_four_queries_of_keys_and_its_products_whatever_the_catalogue() {
    let mut costs = Vec::new();
    for count in [500, 5_000] {
        let (front, recorder) = catalogue_of(count).await;
        for (query, found) in [
            ("category=Accessories%20/%20Helmets&limit=100", 100_u32),
            ("category=Accessories%20/%20Helmets&limit=100&sort=name&order=desc", 100),
            ("sku=S7", 2),
            ("sku=S7&sort=name", 2),
            ("sku=none", 0),
        ] {
            let (_, page) = asked(&front, &format!("/products?{query}")).await;
            assert_eq!(
                page["products"].as_array().unwrap().len(),
                usize::try_from(found).unwrap(),
                "{query}"
            );
            let seen = recorder.take();
            let (read, asked): (Vec<_>, Vec<_>) =
                seen.into_iter().partition(|seen| seen.request.operation == "BatchGetItem");
            assert_eq!(read.len(), usize::from(found > 0), "{query}");
            assert!((4..=6).contains(&asked.len()), "{query} {}", asked.len());
            assert!(asked.iter().all(|seen| seen.request.operation == "Query"), "{asked:?}");
            assert!((cost(&read) - f64::from(found) / 2.0).abs() < f64::EPSILON, "{query} {}", cost(&read));
            assert!((2.0..=6.0).contains(&cost(&asked)), "{query} {}", cost(&asked));
            costs.push((cost(&read) + cost(&asked)).to_string());
        }
    }
    assert_eq!(costs[..5], costs[5..], "whatever the size of the catalogue");
}

/// A page of categories is bounded, whatever the catalogue, and costs what it looks at.
#[tokio::test]
async fn a_page_of_categories_looks_at_what_it_counts_and_no_more_than_twice_that() {
    let tables = tables().await;
    let products: Vec<Product> =
        (0..8_000).map(|n| product(&format!("p{n:05}"), None, Some(&format!("c{:02}", n / 400)))).collect();
    fill(&tables, &products).await;
    let (config, recorder) = RequestRecorder::record(&tables);
    let front = front(Arc::new(views_of(&config)));
    asked(&front, "/products/p00000").await;
    recorder.clear();
    for (limit, counted) in [(1, 400), (5, 2_000), (100, 8_000)] {
        let (_, page) = asked(&front, &format!("/categories?limit={limit}")).await;
        assert_eq!(page["categories"][0], json!({"category": "c00", "products": 400}));
        let seen = recorder.take();
        let rows: u64 = seen.iter().filter_map(|seen| seen.answer["Count"].as_u64()).sum();
        let rows = u32::try_from(rows).unwrap();
        assert!((counted..=2 * counted + 512).contains(&rows), "{limit}: {rows}");
        // Keys alone: some seventy rows a unit.
        assert!(cost(&seen) <= f64::from(rows) / 60.0 + 4.0, "{limit}: {} for {rows}", cost(&seen));
        assert!(seen.iter().all(|seen| seen.request.operation == "Query"), "{limit}");
    }
}

/// Each index of the table, by its units in the answer to a write.
async fn written(before: &Product, after: &Product) -> BTreeMap<String, f64> {
    let (config, recorder) = RequestRecorder::record(&tables().await);
    let client = aws_sdk_dynamodb::Client::new(&config);
    let views = views_of(&config);
    views.put(FIRST, before).await.unwrap();
    let old = client.scan().table_name("products").send().await.unwrap().items.unwrap();
    views.put(FIRST, after).await.unwrap();
    let new = client.scan().table_name("products").send().await.unwrap().items.unwrap();
    // The same write once more, with the units of each index.
    let put = |item| {
        let units = aws_sdk_dynamodb::types::ReturnConsumedCapacity::Indexes;
        client.put_item().table_name("products").set_item(item).return_consumed_capacity(units).send()
    };
    put(old.first().cloned()).await.unwrap();
    recorder.clear();
    put(new.first().cloned()).await.unwrap();
    let seen = recorder.take();
    let answer = &seen[0].answer["ConsumedCapacity"];
    let indexes = answer["GlobalSecondaryIndexes"].as_object().unwrap().iter();
    let units = indexes.map(|(name, index)| (name.clone(), index["CapacityUnits"].as_f64().unwrap()));
    let table = answer["Table"]["CapacityUnits"].as_f64().unwrap();
    units.filter(|(_, units)| *units > 0.0).chain([("table".to_owned(), table)]).collect()
}

fn units(units: &[(&str, f64)]) -> BTreeMap<String, f64> {
    units.iter().map(|(name, units)| ((*name).to_owned(), *units)).collect()
}

#[tokio::test]
async fn a_change_writes_only_the_indexes_of_look_ups_whose_value_or_name_it_changes() {
    let before = product("p", Some("S"), Some("C"));
    let orders = [("table", 1.0), ("by_id", 1.0), ("by_name", 1.0), ("by_price", 1.0), ("changes", 2.0)];
    let dearer = next(&before, |product| {
        product.facts.money = fixtures::money("99", "USD");
        product.updated_at = fixtures::at("2026-11-23T06:00:00Z");
    });
    assert_eq!(
        written(&before, &dearer).await,
        units(&[("table", 1.0), ("by_id", 1.0), ("by_name", 1.0), ("by_price", 2.0), ("changes", 2.0)])
    );
    let described = next(&before, |product| {
        product.facts.details.description = Some("Well-vented.".into());
        product.updated_at = fixtures::at("2026-11-23T06:00:00Z");
    });
    assert_eq!(written(&before, &described).await, units(&orders));
    let other_sku = next(&before, |product| {
        product.facts.details.sku = Some("T".into());
        product.updated_at = fixtures::at("2026-11-23T06:00:00Z");
    });
    let of_sku = [("by_sku", 2.0), ("by_sku_name", 2.0)];
    assert_eq!(written(&before, &other_sku).await, units(&[&orders[..], &of_sku[..]].concat()));
    let no_category = next(&before, |product| {
        product.facts.details.category = None;
        product.updated_at = fixtures::at("2026-11-23T06:00:00Z");
    });
    let of_category = [("by_category", 1.0), ("by_category_name", 1.0)];
    assert_eq!(written(&before, &no_category).await, units(&[&orders[..], &of_category[..]].concat()));
}
