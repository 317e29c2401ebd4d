// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Escrow} from "./Escrow.sol";

/// @title Not the released code: an Escrow with a way out for whoever deployed it.
/// @notice Every getter answers as the real one does. It exists so that a check of the deployed
/// code has something to find, and is deployed only by the fault `contract-other-code`.
contract BackdooredEscrow is Escrow {
    address private immutable _deployer = msg.sender;

    constructor(
        address depositor_,
        address token_,
        uint256 amount_,
        address counterparty_,
        address arbiter_,
        bytes32 tradeHash_,
        address uniswapRouter_
    ) Escrow(depositor_, token_, amount_, counterparty_, arbiter_, tradeHash_, uniswapRouter_) {}

    function sweep(address payable to) external {
        require(msg.sender == _deployer);
        to.transfer(address(this).balance);
    }
}
