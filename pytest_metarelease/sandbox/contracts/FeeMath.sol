// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What part of an amount the product keeps.
library FeeMath {
    uint256 private constant WHOLE = 10_000;

    function share(uint256 amount, uint256 basisPoints) external pure returns (uint256) {
        return amount * basisPoints / WHOLE;
    }
}
