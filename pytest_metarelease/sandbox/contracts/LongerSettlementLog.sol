// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {SettlementLog} from "./SettlementLog.sol";

/// @title A SettlementLog with one more view function, of which no manifest says anything.
/// @notice It exists so that a check of the state has something to find, and is deployed only by
/// the fault `unlisted-view`.
contract LongerSettlementLog is SettlementLog {
    function feeOf(uint256 amount) external pure returns (uint256) {
        return (amount * 30) / 10_000;
    }
}
