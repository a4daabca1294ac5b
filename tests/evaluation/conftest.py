"""The hospital of the workflow stories: a store with the discharge workflow active, and its loops."""

from tests.workflows.conftest import Hospital, active_store, discharge_pack, hospital

__all__ = ["Hospital", "active_store", "discharge_pack", "hospital"]
