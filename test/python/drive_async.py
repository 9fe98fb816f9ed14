"""Drives an Experiment Manager with the async methods of madsci.client 0.8: drive_async.py URL [--madsci]."""

import asyncio

from madsci.client.experiment_client import ExperimentClient
from scenario import Scenario, print_result, read_arguments

options = read_arguments()


async def main():
    client = ExperimentClient(options.url)

    async def call(method, *arguments):
        return await getattr(client, f"async_{method}")(*arguments)

    return await Scenario(call, options).run()


print_result("async", asyncio.run(main()))
