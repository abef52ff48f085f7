# SPDX-License-Identifier: Apache-2.0
"""Helpers of the integration tests: the daemon as a process, clients under full control."""
