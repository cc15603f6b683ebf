"""Two of the ledger's routes as they are commonly written for Lambda in Python: Powertools, pydantic, boto3. It stands beside
the Rust functions in the measurement and does less than they do: one plain item, no chain, no replay of a repeated command."""

import os
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel, ConfigDict, Field, ValidationError

logger = Logger(service="products")
metrics = Metrics(namespace="ProductLedger", service="products")
app = APIGatewayRestResolver()
table = boto3.resource("dynamodb").Table(os.environ["PRODUCTS_TABLE"])


class NewProduct(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=200)
    price: Decimal = Field(ge=0, max_digits=16, decimal_places=4)
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    sku: str | None = Field(default=None, max_length=64)


class Product(NewProduct):
    id: str
    version: int
    created_at: datetime


def answer(status: int, product: Product) -> Response:
    return Response(status_code=status, content_type=content_types.APPLICATION_JSON, body=product.model_dump_json())


@app.post("/products")
def create() -> Response:
    try:
        new = NewProduct.model_validate_json(app.current_event.body or "")
    except ValidationError as error:
        raise BadRequestError(str(error)) from error
    product = Product(**new.model_dump(), id=uuid4().hex, version=1, created_at=datetime.now(UTC))
    item = product.model_dump(exclude_none=True) | {"created_at": product.created_at.isoformat()}
    table.put_item(Item=item, ConditionExpression="attribute_not_exists(id)")
    metrics.add_metric(name="ProductsCreated", unit=MetricUnit.Count, value=1)
    logger.info("created", product_id=product.id)
    return answer(201, product)


@app.get("/products/<product_id>")
def get(product_id: str) -> Response:
    item = table.get_item(Key={"id": product_id}).get("Item")
    if item is None:
        raise NotFoundError(product_id)
    logger.info("read", product_id=product_id)
    return answer(200, Product.model_validate(item))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict, context: object) -> dict:
    return app.resolve(event, context)
