// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title A transparent proxy (EIP-1967): its admin upgrades it, everybody else uses what is behind.
contract TreasuryProxy {
    bytes32 private constant IMPLEMENTATION = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
    bytes32 private constant ADMIN = 0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103;

    event Upgraded(address indexed implementation);
    event AdminChanged(address previousAdmin, address newAdmin);

    error AdminMayOnlyUpgrade();
    error NoCode(address implementation);

    constructor(address implementation_, address admin_, bytes memory data) payable {
        assembly {
            sstore(ADMIN, admin_)
        }
        emit AdminChanged(address(0), admin_);
        _upgrade(implementation_, data);
    }

    receive() external payable {
        _delegate();
    }

    fallback() external payable {
        address admin;
        assembly {
            admin := sload(ADMIN)
        }
        if (msg.sender != admin) _delegate();
        if (msg.sig != bytes4(keccak256("upgradeToAndCall(address,bytes)"))) revert AdminMayOnlyUpgrade();
        (address implementation_, bytes memory data) = abi.decode(msg.data[4:], (address, bytes));
        _upgrade(implementation_, data);
    }

    function _upgrade(address implementation_, bytes memory data) private {
        if (implementation_.code.length == 0) revert NoCode(implementation_);
        assembly {
            sstore(IMPLEMENTATION, implementation_)
        }
        emit Upgraded(implementation_);
        if (data.length == 0) return;
        (bool done, bytes memory returned) = implementation_.delegatecall(data);
        if (done) return;
        assembly {
            revert(add(returned, 32), mload(returned))
        }
    }

    function _delegate() private {
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), sload(IMPLEMENTATION), 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if done { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }
}
