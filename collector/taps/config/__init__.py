"""What a tap is told about each interface: one module per kind, `load` for all of them together."""

from collector.taps.config.base import Address, TapConfigError, describe, parse_address
from collector.taps.config.database import DatabaseInterface
from collector.taps.config.folder import FolderInterface
from collector.taps.config.http import HttpInterface, JsonKey
from collector.taps.config.load import AnyInterface, Interface, check_together, load_interfaces
from collector.taps.config.mllp import HL7_KEYS, Hl7Key, MllpInterface

__all__ = [
    "HL7_KEYS",
    "Address",
    "AnyInterface",
    "DatabaseInterface",
    "FolderInterface",
    "Hl7Key",
    "HttpInterface",
    "Interface",
    "JsonKey",
    "MllpInterface",
    "TapConfigError",
    "check_together",
    "describe",
    "load_interfaces",
    "parse_address",
]
