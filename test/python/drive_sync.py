"""Drives an Experiment Manager with the real madsci.client, method by method: drive_sync.py URL [--madsci]."""

import asyncio

from madsci.client.experiment_client import ExperimentClient
from scenario import Scenario, print_result, read_arguments

options = read_arguments()
client = ExperimentClient(options.url)


async def call(method, *arguments):
    return getattr(client, method)(*arguments)


print_result("sync", asyncio.run(Scenario(call, options).run()))
