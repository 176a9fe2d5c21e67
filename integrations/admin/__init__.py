"""Gateways in the console."""

from integrations.admin.gateways import GatewayAdmin

__all__ = ["GatewayAdmin"]
