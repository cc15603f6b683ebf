"""A deployed stack as described by CloudFormation: the URL of the API, its clients, and the resources by type."""

import os

import boto3
import requests

#: The stack, by its name or by the URL of its API.
NAME, URL = "LEDGER_DEPLOYED_STACK", "LEDGER_DEPLOYED_URL"
#: The token endpoint, if it is not on the user pool's own domain.
TOKENS = "LEDGER_DEPLOYED_TOKENS"

CLIENTS = ("writer", "reader", "auditor")


class Stack:
    """The facts about a stack that do not require its API."""

    def __init__(self):
        self._cloudformation = boto3.client("cloudformation")
        given, url = os.environ.get(NAME), os.environ.get(URL)
        description = self._described(given) if given else self._with_url(url)
        self.name = description["StackName"]
        self.tags = {tag["Key"]: tag["Value"] for tag in description.get("Tags", [])}
        self._outputs = description["Outputs"]
        self._resources = [
            resource
            for page in self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
            for resource in page["StackResourceSummaries"]
        ]
        self.url = (url or self._endpoint()).rstrip("/")

    def output(self, description):
        """The output with this description, or None."""
        return next((output["OutputValue"] for output in self._outputs if output.get("Description") == description), None)

    def settings(self):
        """The environment variables for the program `ledger`."""
        outputs = {output.get("Description"): output["OutputValue"] for output in self._outputs}
        return {name: value for name, value in outputs.items() if name and name.startswith("LEDGER_")}

    def resource(self, kind, path):
        """The physical id of the one resource of a type whose logical id begins with `path`."""
        [found] = [r for r in self._resources if r["ResourceType"] == kind and r["LogicalResourceId"].startswith(path)]
        return found["PhysicalResourceId"]

    def resources(self):
        """The types of all resources by logical id."""
        return {resource["LogicalResourceId"]: resource["ResourceType"] for resource in self._resources}

    def function(self, name):
        """The name of a function."""
        return f"{self.name}-{name}"

    def token(self, client):
        """An access token with every scope of one of the stack's clients, by client credentials."""
        cognito = boto3.client("cognito-idp")
        pool = self.resource("AWS::Cognito::UserPool", "SignIn")
        asked = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=self.output(f"Client id: {client}"))
        credentials = asked["UserPoolClient"]
        domain = cognito.describe_user_pool(UserPoolId=pool)["UserPool"]["Domain"]
        own = f"https://{domain}.auth.{cognito.meta.region_name}.amazoncognito.com/oauth2/token"
        answer = requests.post(
            os.environ.get(TOKENS, own),
            auth=(credentials["ClientId"], credentials["ClientSecret"]),
            data={"grant_type": "client_credentials"},
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()["access_token"]

    def _described(self, name):
        [description] = self._cloudformation.describe_stacks(StackName=name)["Stacks"]
        return description

    def _with_url(self, url):
        for page in self._cloudformation.get_paginator("describe_stacks").paginate():
            for description in page["Stacks"]:
                if any(output["OutputValue"].rstrip("/") == url.rstrip("/") for output in description.get("Outputs", [])):
                    return description
        raise LookupError(f"no stack of this account and region has the URL {url}; name it with {NAME}")

    def _endpoint(self):
        # With a domain the address that API Gateway assigned is switched off.
        by_key = {output["OutputKey"]: output["OutputValue"] for output in self._outputs}
        for start in ("ApiDomainUrl", "ApiRestEndpoint"):
            for key, value in by_key.items():
                if key.startswith(start):
                    return value
        raise LookupError("the stack has no output with the address of its API")
