// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {FeeMath} from "./FeeMath.sol";

/// @title Holds the product's fees; stands behind a proxy and can be replaced.
/// @notice It is initialised once, by whoever deploys the proxy, in the same transaction. The guard
/// is kept where OpenZeppelin 5 keeps its own (ERC-7201, "openzeppelin.storage.Initializable").
contract Treasury {
    bytes32 private constant GUARD = 0xf0c57e16840df040f15088dc2f81fe391c3923bec73e23a9662efc9c229c6a00;

    address public immutable router;
    address public owner;
    uint256 public basisPoints;

    event Initialized(uint64 version);
    event Withdrawn(address indexed to, uint256 amount);

    error InvalidInitialization();
    error NotOwner();
    error TransferFailed();

    constructor(address router_) {
        router = router_;
        _setVersion(type(uint64).max); // nobody initialises the implementation itself
    }

    receive() external payable {}

    function initialize(address owner_, uint256 basisPoints_) external {
        bytes32 version;
        assembly {
            version := sload(GUARD)
        }
        if (version != 0) revert InvalidInitialization();
        _setVersion(1);
        owner = owner_;
        basisPoints = basisPoints_;
    }

    function feeOf(uint256 amount) external view returns (uint256) {
        return FeeMath.share(amount, basisPoints);
    }

    function withdraw(address to, uint256 amount) external {
        if (msg.sender != owner) revert NotOwner();
        emit Withdrawn(to, amount);
        (bool sent,) = to.call{value: amount}("");
        if (!sent) revert TransferFailed();
    }

    function _setVersion(uint64 version) private {
        assembly {
            sstore(GUARD, version)
        }
        emit Initialized(version);
    }
}
