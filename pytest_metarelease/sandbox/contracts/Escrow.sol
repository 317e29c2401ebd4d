// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EscrowBase} from "./EscrowBase.sol";
import {IERC20} from "./IERC20.sol";

/// @title Escrow of one trade whose amount is what the depositor really paid in.
/// @notice `amount` starts as the agreed amount, becomes what arrived with the deposit (tokens may
/// take a fee on transfer), and falls with everything that is paid out.
contract Escrow is EscrowBase {
    uint256 public amount;

    constructor(
        address depositor_,
        address token_,
        uint256 amount_,
        address counterparty_,
        address arbiter_,
        bytes32 tradeHash_,
        address uniswapRouter_
    ) EscrowBase(depositor_, token_, counterparty_, arbiter_, tradeHash_, uniswapRouter_) {
        require(amount_ > 0, "Amount is zero");
        amount = amount_;
    }

    function _takeDeposit() internal override returns (uint256 received) {
        if (token == address(0)) {
            received = msg.value;
        } else {
            require(msg.value == 0, "ETH sent to a token escrow");
            uint256 before = IERC20(token).balanceOf(address(this));
            _pull(amount);
            received = IERC20(token).balanceOf(address(this)) - before;
        }
        require(received > 0, "Deposit amount must be greater than 0");
        amount = received;
    }

    function _held() internal view override returns (uint256) {
        return amount;
    }

    function _spent(uint256 value) internal override {
        amount -= value;
    }
}
