// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {SettlementLog} from "./SettlementLog.sol";

/// @title A SettlementLog that answers a selector which its ABI does not list.
/// @notice It exists so that a look at the dispatcher has something to find, and is deployed only
/// by the fault `hidden-selector`.
contract HiddenSettlementLog is SettlementLog {
    fallback() external {
        require(msg.sig == 0x5a17b0de, "No such function");
        require(hasRole(RECORDER_ROLE, msg.sender), "Not yet");
        count = 0;
    }
}
