//! More kinds of files, with the quirks that real ones have and with rows that have to be refused: of the rows with a price at least
//! 98 of 100 are accepted, and the others are named by their reasons.

use super::import_at;
use crate::scenario::printed;

const ROWS: usize = 200;
/// A row without a number in the place of its price, and two rows with the same id.
const PRICELESS: usize = 50;
const SAME: [usize; 2] = [100, 150];
const REFUSED: usize = 1 + SAME.len();

/// A file: its text before its rows, the text of a row, the text of its price, and the text behind the rows.
struct Kind {
    file: &'static str,
    arguments: &'static [&'static str],
    head: &'static str,
    /// `{n}` is the row's number with three digits, `{id}` the one that makes its id, and `{price}` its price.
    row: &'static str,
    price: &'static str,
    end: &'static str,
    /// What is said of it.
    told: &'static str,
}

const SHOPIFY: &[&str] = &["--preset", "shopify", "--currency", "USD"];
const WOOCOMMERCE: &[&str] = &["--preset", "woocommerce", "--currency", "EUR"];
const MAGENTO: &[&str] = &["--preset", "magento", "--currency", "USD"];

const KINDS: [Kind; 13] = [
    Kind {
        file: "shopify-images-without-skus.csv",
        arguments: SHOPIFY,
        head: "Handle,Title,Type,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src,Washing \
            (product.metafields.custom.instructions_for_washing_and_for_the_care_of_the_outer_fabric_and_of_the_lining)\n",
        row: "poster-{id},Poster {n},,Title,Default Title,,{price},https://x.example/{n}.jpg,cold\nposter-{id},,,,,,,y.jpg,\n",
        price: "{n}.00",
        end: "",
        told: "400 rows, of which 200 are no products and 1 cannot be read",
    },
    Kind {
        file: "shopify-one-sku.csv",
        arguments: SHOPIFY,
        head: "Handle,Title,Type,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Compare At Price\n",
        row: "shirt-{id},Shirt {n},Tops,Size,\"M / 40\",SAMPLE,{price},900\n",
        price: "{n}.00",
        end: "",
        told: "199 list price: read and not sent",
    },
    Kind {
        file: "woocommerce-without-skus.csv",
        arguments: WOOCOMMERCE,
        head: "ID,Type,SKU,Name,Regular price,Sale price,Date sale price starts,Categories\n",
        row: "{id},simple,,Mug {n},{price},5,2999-01-01,\"Kitchen > Mugs, Gifts\"\n",
        price: "{n}",
        end: "",
        told: "199 sale to come, not sent: from 2999-01-01",
    },
    Kind {
        file: "woocommerce-variations.csv",
        arguments: WOOCOMMERCE,
        head: "ID,Type,SKU,Name,Regular price,Categories,Parent,Attribute 1 name,Attribute 1 value(s)\n",
        row: "1{id},variable,T-{n},Tee {n},,Clothing,,Size,\"S, M\"\n{id},variation,,,{price},,T-{n},,\n",
        price: "{n}.5",
        end: "",
        told: "400 rows, of which 200 are no products and 1 cannot be read",
    },
    Kind {
        file: "woocommerce-decimal-comma.csv",
        arguments: &["--preset", "woocommerce", "--decimal", ","],
        head: "sep=;\nID;Type;SKU;Name;Regular price;Categories\n",
        row: "{id};simple;\"K {id}/1\";Kanne {n};{price};Küche\n",
        price: "1.{n},50 €",
        end: "",
        told: "a table with ';'",
    },
    Kind {
        file: "google-ids-are-urls.tsv",
        arguments: &["--preset", "google"],
        head: "id\ttitle\tprice\tavailability\timage link\n",
        row: "https://shop.example/p/{id}?v=1\tРоза {n}\t{price}\tin stock\tx\n",
        price: "{n}.00 BGN",
        end: "",
        told: "a table with '\\t'",
    },
    Kind {
        file: "google.atom",
        arguments: &["--preset", "google"],
        head: "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:g='http://base.google.com/ns/1.0'><title>Shop</title>",
        row: "<entry><g:id>A {id}</g:id><title>Lamp &amp; bulb {n}</title><g:price>{price}</g:price></entry>",
        price: "EUR {n}.00",
        end: "</feed>",
        told: "XML, UTF-8",
    },
    Kind {
        file: "prestashop-list.csv",
        arguments: &["--preset", "prestashop"],
        head: "\"Product ID\";Image;Name;Reference;Category;\"Price (tax excl.)\";\"Price (tax incl.)\";Quantity\n",
        row: "{id};x.jpg;\"Vase {n}\";;Home;1;{price};3\n",
        price: "€{n}.00",
        end: "",
        told: "a table with ';'",
    },
    Kind {
        file: "magento-1.csv",
        arguments: MAGENTO,
        head: "sku,_store,_attribute_set,_type,_category,name,price,special_price,special_from_date\n",
        row: "m{id},,Default,simple,Gear/Bags,Bag {n},{price},9.0000,\"1/2/20, 12:00 AM\"\n,,,,Gear/Sale,,,,\n",
        price: "{n}.0000",
        end: "",
        told: "400 rows, of which 200 are no products and 1 cannot be read",
    },
    Kind {
        file: "magento-long-attributes.csv",
        arguments: MAGENTO,
        head: "sku,attribute_set_code,product_type,categories,name,price,additional_attributes\n",
        row: "WS {id}-S/Black,Top,simple,,Tank {n},{price},\"material={long},color=Black\"\n",
        price: "{n}",
        end: "",
        told: "199 left out: the attribute \"material\" with more than 2000 characters",
    },
    Kind {
        file: "stock.txt",
        arguments: &["--map", "id=Code,name=Title,price=Cost,attributes=*", "--currency", "USD"],
        head: "Code|Title|Cost|Shelf\n",
        row: "{id} #7|Bolt \"{n}\"|{price}|\n",
        price: "$2,{n}",
        end: "",
        told: "a table with '|'",
    },
    Kind {
        file: "array.json",
        arguments: &["--map", "id=sku,name=names.en,price=price.amount,currency=price.currency"],
        head: "[null",
        row: ",{\"sku\":\"J/{id}\",\"names\":{\"en\":\"Cup {n}\"},\"price\":{\"amount\":\"{price}\",\"currency\":\"chf\"}}",
        price: "{n}.5",
        end: "]",
        told: "an array, UTF-8: 201 rows, of which 0 are no products and 2 cannot be read",
    },
    Kind {
        file: "price-list.xml",
        arguments: &["--map", "id=number,name=text.title,price=text.cost,currency='SEK'"],
        head: "<?xml version='1.0' encoding='utf-8'?><!-- a list --><list>",
        row: "<article number='ä{id}'><text><title><![CDATA[Stol <{n}>]]></title><cost>{price}</cost></text></article>",
        price: "{n} kr",
        end: "</list>",
        told: "XML, UTF-8",
    },
];

/// The text of a file.
fn text(kind: &Kind) -> String {
    let mut text = kind.head.to_owned();
    for row in 0..ROWS {
        let number = |row: usize| (row + 100).to_string();
        let id = number(if row == SAME[1] { SAME[0] } else { row });
        let price = if row == PRICELESS { "on request" } else { kind.price };
        let row = kind.row.replace("{price}", price).replace("{n}", &number(row)).replace("{id}", &id);
        text += &row.replace("{long}", &"wool, ".repeat(400));
    }
    text + kind.end
}

#[test]
fn of_each_kind_98_of_100_rows_with_a_price_are_accepted_and_the_others_named_by_reason() {
    const { assert!(REFUSED * 100 <= 2 * ROWS) };
    let folder = tempfile::tempdir().unwrap();
    for kind in KINDS {
        let file = folder.path().join(kind.file);
        std::fs::write(&file, text(&kind)).unwrap();
        // Without a server: what is refused is refused by the rules of commands, run in memory.
        let plan =
            import_at("http://127.0.0.1:9", &file).args(kind.arguments).arg("--dry-run").output().unwrap();
        let told = printed(&plan);
        assert_eq!(plan.status.code(), Some(1), "{}: {told}", kind.file);
        let not_objects = usize::from(kind.head == "[null");
        let counts = format!(
            "{} commands: {} would be sent, {} refused; nothing was sent",
            ROWS + not_objects,
            ROWS - REFUSED,
            REFUSED + not_objects
        );
        for part in [
            kind.told,
            "1 refused: the price \"on request\" has no digits (",
            "2 refused: another row has the same id, so both are refused (",
            counts.as_str(),
        ] {
            assert!(told.contains(part), "{}: {part} in {told}", kind.file);
        }
    }
}
