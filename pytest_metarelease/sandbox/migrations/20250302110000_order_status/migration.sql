-- AlterTable
ALTER TABLE "orders" ADD COLUMN "status" VARCHAR(16) NOT NULL DEFAULT 'open';

-- CreateIndex
CREATE UNIQUE INDEX "orders_maker_nonce_key" ON "orders"("maker", "nonce");

-- CreateTable
CREATE TABLE "releases" (
    "tx_hash" VARCHAR(66) NOT NULL PRIMARY KEY,
    "recipient" VARCHAR(42) NOT NULL,
    "token" VARCHAR(42) NOT NULL,
    "amount" VARCHAR(78) NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL
);
