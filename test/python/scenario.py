"""What the drivers have in common: every method of madsci.client's ExperimentClient, and what must come back.

The scenario calls the client through `call(method, *arguments)`, so that the plain and the async client run the same
steps. It raises AssertionError at the first reply that is not as it should be, and returns what came back per step.
"""

import argparse
import datetime
import json
from importlib.metadata import version

from madsci.client.experiment_client import ExperimentClient
from madsci.common.types.auth_types import OwnershipInfo
from madsci.common.types.condition_types import (
    NoResourceInLocationCondition,
    ResourceChildFieldCheckCondition,
    ResourceFieldCheckCondition,
    ResourceInLocationCondition,
)
from madsci.common.types.experiment_types import (
    Experiment,
    ExperimentalCampaign,
    ExperimentDesign,
    ExperimentStatus,
)
from madsci.common.utils import new_ulid_str
from ulid import ULID

CLIENT_VERSION = version("madsci.client")
CLOCK_TOLERANCE = datetime.timedelta(seconds=2)


def read_arguments():
    parser = argparse.ArgumentParser(description="Drive an Experiment Manager with the real Python client.")
    parser.add_argument("url", help="URL of the Experiment Manager")
    parser.add_argument(
        "--madsci",
        action="store_true",
        help="the server is MADSci's own: no campaigns, end ignores its status, any command in any state, naive times",
    )
    parser.add_argument("--naive-times", action="store_true", help="times are the server's local ones, without a zone")
    return parser.parse_args()


def print_result(mode, steps):
    print(json.dumps({"client": CLIENT_VERSION, "mode": mode, "steps": steps}))


def design_of_everything(campaign_id):
    """All four conditions, all forms of a key, and values that a careless server would change."""
    return ExperimentDesign(
        experiment_name="Every condition",
        experiment_description="Größe: 5 µl — ✓",
        resource_conditions=[
            ResourceInLocationCondition(condition_name="plate there", location_name="slot_1", resource_class="plate"),
            NoResourceInLocationCondition(location_name="slot_2", location_id=new_ulid_str(), key="A1"),
            ResourceFieldCheckCondition(
                condition_name="enough water",
                resource_name="water",
                field="quantity",
                operator="is_greater_than_or_equal_to",
                target_value=1.0,
                remark="kept",
            ),
            ResourceChildFieldCheckCondition(
                resource_id=new_ulid_str(),
                field="attributes",
                operator="is_equal_to",
                key=(0, 1),
                target_value={"serial": 2**63 - 1, "factor": 2.0, "none": None, "list": []},
            ),
        ],
        ownership_info=OwnershipInfo(user_id=new_ulid_str(), project_id=new_ulid_str(), campaign_id=campaign_id),
    )


class Scenario:
    """One pass over all methods against one server."""

    def __init__(self, call, options):
        self.call = call
        self.faithful = not options.madsci
        self.zoned = not (options.madsci or options.naive_times)
        self.steps = {}

    async def run(self):
        campaign_id = new_ulid_str()
        run = await self.start_run(campaign_id)
        await self.get_run(run)
        await self.pause_and_continue(run)
        await self.end_run(run)
        await self.end_with_each_status()
        await self.cancel_run()
        await self.list_runs()
        await self.refuse_unknown_runs()
        await self.use_campaigns(campaign_id, run)
        return self.steps

    def record(self, step, model):
        self.steps[step] = model.model_dump(mode="json") if hasattr(model, "model_dump") else model

    def check_time(self, value):
        """The moment is now, zoned in UTC, or in local time without a zone."""
        assert isinstance(value, datetime.datetime), value
        if self.zoned:
            assert value.utcoffset() == datetime.timedelta(0), f"{value!r} is not in UTC"
            now = datetime.datetime.now(datetime.timezone.utc)
        else:
            assert value.tzinfo is None, f"{value!r} has a zone"
            now = datetime.datetime.now()
        assert abs(now - value) < datetime.timedelta(minutes=1), f"{value!r} is not now"

    def check_run(self, run, status, like=None):
        """A whole reply: its types, its status, and that it is the same run as `like`."""
        assert isinstance(run, Experiment), run
        ULID.from_str(run.experiment_id)
        assert isinstance(run.status, ExperimentStatus), run.status
        assert run.status == status, f"{run.status} instead of {status}"
        assert isinstance(run.experiment_design, ExperimentDesign), run.experiment_design
        assert isinstance(run.ownership_info, OwnershipInfo), run.ownership_info
        self.check_time(run.started_at)
        if like is not None:
            kept = {"experiment_id", "experiment_design", "ownership_info", "run_name", "run_description", "started_at"}
            assert run.model_dump(include=kept) == like.model_dump(include=kept)
        final = status in (ExperimentStatus.COMPLETED, ExperimentStatus.FAILED, ExperimentStatus.CANCELLED)
        if not final:
            assert run.ended_at is None, f"{status} with ended_at"
        elif self.faithful or status == ExperimentStatus.COMPLETED:
            self.check_time(run.ended_at)
            assert run.ended_at >= run.started_at - CLOCK_TOLERANCE

    async def check_stored(self, run):
        """What a command answered is what is stored."""
        stored = await self.call("get_experiment", run.experiment_id)
        assert stored.model_dump() == run.model_dump(), f"stored {stored!r}, answered {run!r}"

    async def check_refused(self, code, method, *arguments):
        try:
            result = await self.call(method, *arguments)
        except Exception as error:
            response = getattr(error, "response", None)
            assert response is not None, f"{method} raised {error!r}"
            assert response.status_code == code, f"{method}: {response.status_code} instead of {code}"
            reply = response.json()
            assert reply["detail"], response.text
            known = {key: reply[key] for key in ("detail", "status") if key in reply}
            return {"status_code": response.status_code, **known}
        raise AssertionError(f"{method} was not refused: {result!r}")

    async def new_run(self, name="short"):
        return await self.call("start_experiment", ExperimentDesign(experiment_name=name))

    async def start_run(self, campaign_id):
        design = design_of_everything(campaign_id)
        run = await self.call("start_experiment", design, "run 1", "the first run")
        self.check_run(run, ExperimentStatus.IN_PROGRESS)
        assert (run.run_name, run.run_description) == ("run 1", "the first run")
        assert run.experiment_design.model_dump(mode="json") == design.model_dump(mode="json")
        check_numbers(run.experiment_design)
        assert run.ownership_info.model_dump(exclude_none=True) == design.ownership_info.model_dump(exclude_none=True)
        self.record("start", run)

        plain = await self.new_run()
        self.check_run(plain, ExperimentStatus.IN_PROGRESS)
        assert plain.experiment_id != run.experiment_id
        assert (plain.run_name, plain.run_description) == (None, None)
        self.record("start_plain", plain)
        return run

    async def get_run(self, run):
        found = await self.call("get_experiment", run.experiment_id)
        assert found.experiment_id == run.experiment_id, "the reply's id was not understood"
        self.check_run(found, ExperimentStatus.IN_PROGRESS, like=run)
        assert (await self.call("get_experiment", ULID.from_str(run.experiment_id))).experiment_id == run.experiment_id
        self.record("get", found)

    async def pause_and_continue(self, run):
        for step, method, status in (
            ("continue_running", "continue_experiment", ExperimentStatus.IN_PROGRESS),
            ("pause", "pause_experiment", ExperimentStatus.PAUSED),
            ("pause_again", "pause_experiment", ExperimentStatus.PAUSED),
            ("continue", "continue_experiment", ExperimentStatus.IN_PROGRESS),
        ):
            answered = await self.call(method, run.experiment_id)
            self.check_run(answered, status, like=run)
            await self.check_stored(answered)
            self.record(step, answered)

    async def end_run(self, run):
        ended = await self.call("end_experiment", run.experiment_id)
        self.check_run(ended, ExperimentStatus.COMPLETED, like=run)
        await self.check_stored(ended)
        self.record("end", ended)
        if not self.faithful:
            return
        again = await self.call("end_experiment", run.experiment_id, ExperimentStatus.FAILED)
        assert again.model_dump() == ended.model_dump(), "a second end changed the run"
        for method in ("pause_experiment", "continue_experiment", "cancel_experiment"):
            self.record(f"{method}_after_end", await self.check_refused(409, method, run.experiment_id))
        await self.check_stored(ended)

    async def end_with_each_status(self):
        for status in (ExperimentStatus.COMPLETED, ExperimentStatus.FAILED, ExperimentStatus.CANCELLED):
            run = await self.new_run()
            ended = await self.call("end_experiment", run.experiment_id, status)
            self.check_run(ended, status if self.faithful else ExperimentStatus.COMPLETED, like=run)
            await self.check_stored(ended)
            self.record(f"end_{status.value}", ended)

    async def cancel_run(self):
        run = await self.new_run()
        await self.call("pause_experiment", run.experiment_id)
        cancelled = await self.call("cancel_experiment", run.experiment_id)
        self.check_run(cancelled, ExperimentStatus.CANCELLED, like=run)
        await self.check_stored(cancelled)
        self.record("cancel", cancelled)
        if not self.faithful:
            return
        # What an application sends whose run was cancelled by somebody else: harmless, and it stays cancelled.
        for status in (None, ExperimentStatus.FAILED):
            ended = await self.call("end_experiment", run.experiment_id, status)
            assert ended.model_dump() == cancelled.model_dump(), f"end with {status} changed a cancelled run"

    async def list_runs(self):
        runs = [await self.new_run(f"listed {index}") for index in range(11)]
        newest_first = [run.experiment_id for run in reversed(runs)]
        usual = await self.call("get_experiments")
        assert [run.experiment_id for run in usual] == newest_first[:10], "10 newest, newest first"
        three = await self.call("get_experiments", 3)
        assert [run.experiment_id for run in three] == newest_first[:3]
        for run, listed in zip(reversed(runs), usual):
            self.check_run(listed, ExperimentStatus.IN_PROGRESS, like=run)
        every = await self.call("get_experiments", 1000)
        assert {run.experiment_id for run in runs} < {run.experiment_id for run in every}
        self.record("list", {"usual": len(usual), "three": len(three), "every": len(every)})

    async def refuse_unknown_runs(self):
        unknown = new_ulid_str()
        for method in (
            "get_experiment",
            "pause_experiment",
            "continue_experiment",
            "cancel_experiment",
            "end_experiment",
        ):
            self.record(f"{method}_unknown", await self.check_refused(404, method, unknown))

    def check_campaign(self, reply, campaign):
        """0.6.1 hands out the reply as it came, 0.8.1 as a campaign: either way it must be one."""
        found = ExperimentalCampaign.model_validate(reply) if isinstance(reply, dict) else reply
        assert isinstance(found, ExperimentalCampaign), reply
        kept = {"campaign_id", "campaign_name", "campaign_description", "experiment_ids", "ended_at"}
        assert found.model_dump(include=kept) == campaign.model_dump(include=kept)
        assert found.ownership_info.user_id == campaign.ownership_info.user_id
        self.check_time(found.created_at)
        return found

    async def use_campaigns(self, campaign_id, run):
        campaign = ExperimentalCampaign(
            campaign_id=campaign_id,
            campaign_name="Campaign",
            campaign_description="of the test",
            experiment_ids=[run.experiment_id],
            ownership_info=OwnershipInfo(user_id=new_ulid_str()),
        )
        bare = ExperimentalCampaign(campaign_name="Without runs", experiment_ids=None)
        if not self.faithful:
            self.record("campaign_missing", await self.check_refused(404, "register_campaign", campaign))
            return
        self.check_campaign(await self.call("register_campaign", campaign), campaign)
        found = self.check_campaign(await self.call("get_campaign", campaign_id), campaign)
        self.record("campaign", found)
        registered = await self.call("register_campaign", bare)
        self.record("campaign_bare", registered)
        self.record("get_campaign_unknown", await self.check_refused(404, "get_campaign", new_ulid_str()))
        if hasattr(ExperimentClient, "get_campaigns"):
            campaigns = await self.call("get_campaigns")
            ids = {listed.campaign_id for listed in campaigns}
            assert ids == {campaign_id, bare.campaign_id}, ids
            self.record("campaigns", {"count": len(campaigns)})


def check_numbers(design):
    """Equality is not enough: to Python 1 == 1.0."""
    _, _, water, child = design.resource_conditions
    assert isinstance(water.target_value, float), f"1.0 became {water.target_value!r}"
    assert isinstance(child.target_value["factor"], float), f"2.0 became {child.target_value['factor']!r}"
    assert child.target_value["serial"] == 2**63 - 1
    assert water.remark == "kept"
